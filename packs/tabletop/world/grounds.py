"""Procedural ground textures: each family maps frame coordinates to colour."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from editmill.manifests.arrays import Feature, Mask, Picture

Palette = tuple[tuple[int, int, int], tuple[int, int, int]]

# Two colours per palette; the last two palettes of each family occur in the shifted split only.
PALETTES: dict[str, tuple[Palette, ...]] = {
    "plain": (
        ((196, 190, 178), (168, 160, 148)),
        ((152, 172, 186), (120, 142, 160)),
        ((176, 188, 160), (146, 160, 130)),
        ((206, 186, 190), (178, 156, 162)),
        ((110, 112, 120), (86, 88, 96)),
        ((222, 204, 160), (196, 176, 130)),
    ),
    "sky": (
        ((96, 156, 222), (214, 232, 246)),
        ((70, 126, 200), (190, 214, 240)),
        ((118, 172, 226), (236, 238, 240)),
        ((84, 140, 190), (226, 222, 214)),
        ((206, 120, 90), (246, 206, 150)),
        ((60, 60, 110), (150, 130, 170)),
    ),
    "wood": (
        ((166, 112, 66), (122, 76, 40)),
        ((190, 142, 92), (150, 102, 60)),
        ((128, 84, 54), (88, 54, 32)),
        ((204, 164, 116), (170, 126, 80)),
        ((120, 110, 100), (86, 78, 70)),
        ((150, 70, 44), (104, 42, 26)),
    ),
    "checker": (
        ((232, 230, 224), (66, 66, 72)),
        ((226, 214, 192), (122, 84, 62)),
        ((216, 224, 230), (74, 98, 128)),
        ((230, 226, 214), (92, 116, 92)),
        ((236, 220, 224), (140, 66, 84)),
        ((200, 200, 190), (140, 130, 60)),
    ),
    "brick": (
        ((168, 84, 62), (198, 190, 178)),
        ((148, 72, 56), (178, 170, 160)),
        ((182, 104, 78), (210, 202, 190)),
        ((158, 90, 74), (132, 126, 120)),
        ((150, 146, 140), (200, 198, 194)),
        ((196, 160, 110), (150, 140, 128)),
    ),
    "grass": (
        ((74, 124, 50), (118, 160, 72)),
        ((60, 108, 48), (98, 146, 66)),
        ((92, 136, 58), (142, 174, 88)),
        ((66, 116, 62), (110, 152, 90)),
        ((140, 134, 66), (180, 170, 96)),
        ((50, 92, 70), (84, 130, 100)),
    ),
    "stripes": (
        ((226, 222, 212), (86, 120, 160)),
        ((230, 220, 206), (170, 90, 80)),
        ((224, 228, 218), (96, 140, 110)),
        ((234, 226, 206), (190, 150, 84)),
        ((220, 214, 226), (120, 90, 150)),
        ((70, 74, 84), (150, 154, 160)),
    ),
    "marble": (
        ((232, 230, 228), (150, 150, 156)),
        ((224, 220, 212), (146, 134, 120)),
        ((214, 222, 222), (122, 142, 146)),
        ((236, 228, 224), (170, 140, 136)),
        ((74, 80, 82), (150, 156, 156)),
        ((190, 206, 190), (104, 130, 110)),
    ),
}
TRAIN_PALETTES = 4


def value_noise(
    rng: np.random.Generator, size: int, cells: float, stretch: tuple[float, float] = (1.0, 1.0)
) -> Feature:
    """Return smooth noise in [0, 1], float32 [size, size], with about ``cells`` cells across (x and y stretched)."""
    rows = max(2, round(cells * stretch[1]) + 2)
    columns = max(2, round(cells * stretch[0]) + 2)
    # The same grid for every size of the frame, so that a scene does not depend on it.
    grid = rng.random((rows, columns), dtype=np.float32)
    # Cubic interpolation overshoots.
    return cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)


def _coordinates(size: int, angle: float = 0.0) -> tuple[Feature, Feature]:
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = axis[None, :], axis[:, None]
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cosine * x + sine * y, cosine * y - sine * x


def _blend(palette: Palette, weight: Mask) -> Picture:
    first, second = (np.asarray(colour, np.float32) for colour in palette)
    return first + (second - first) * weight[..., None]


def _soft_square(phase: Feature, sharpness: float) -> Feature:
    """Return a square wave of period 1 with antialiased edges, in [0, 1]."""
    return (0.5 + np.sin(2 * np.pi * phase) * sharpness).clip(0.0, 1.0)


def _plain(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    x, y = _coordinates(size, rng.uniform(-0.5, 0.5))
    weight = (0.6 * y + 0.15 * x + 0.12 * (value_noise(rng, size, 3) - 0.5)).clip(0, 1)
    return _blend(palette, weight)


def _sky(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    _, y = _coordinates(size, rng.uniform(-0.1, 0.1))
    clouds = (value_noise(rng, size, 3, (1, 2)) * 0.6 + value_noise(rng, size, 7, (1, 2)) * 0.4 - 0.52).clip(0, 1)
    image = _blend(palette, y.clip(0, 1) ** rng.uniform(0.7, 1.3))
    return image + (250 - image) * (clouds * rng.uniform(1.0, 2.4)).clip(0, 0.85)[..., None]


def _wood(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    _, y = _coordinates(size, rng.uniform(-0.12, 0.12))
    planks = rng.uniform(3.0, 5.0)
    phase = (y + 1) * planks
    plank = np.floor(phase).astype(int)
    tone = rng.random(24)[plank % 24].astype(np.float32)
    warp = value_noise(rng, size, 3, (1, 3))
    grain = 0.5 + 0.5 * np.sin(2 * np.pi * (phase * rng.uniform(2.0, 3.2) + 1.6 * warp + 7 * tone))
    fine = value_noise(rng, size, 8, (0.5, 5))
    weight = (0.40 * grain + 0.35 * tone + 0.25 * fine).clip(0, 1)
    edge = np.minimum(phase - plank, 1 - (phase - plank)) / planks * size
    return _blend(palette, weight) * (0.62 + 0.38 * (edge / 1.2).clip(0, 1))[..., None]


def _checker(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    x, y = _coordinates(size, rng.choice([0.0, 0.0, np.pi / 4]) + rng.uniform(-0.1, 0.1))
    cells = rng.uniform(2.5, 4.5)
    # Edges of one to two pixels, whatever the size of the frame.
    sharp = size / (cells * 8)
    first = _soft_square(x * cells + rng.random(), sharp)
    second = _soft_square(y * cells + rng.random(), sharp)
    weight = first * (1 - second) + second * (1 - first)
    return _blend(palette, weight) * (0.96 + 0.04 * value_noise(rng, size, 6))[..., None]


def _brick(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    x, y = _coordinates(size, rng.uniform(-0.03, 0.03))
    rows = rng.uniform(6.0, 9.0)
    v = (y + 1) * rows + rng.random()
    row = np.floor(v).astype(int)
    u = (x + 1) * rows * 0.5 + 0.5 * (row % 2)
    column = np.floor(u).astype(int)
    # A hash of the place, so that every brick has a tone and neighbours differ.
    tone = rng.random(997, dtype=np.float32)[(row * 31 + column * 17) % 997]
    joint = np.minimum(np.minimum(v - row, 1 - (v - row)) / rows, np.minimum(u - column, 1 - (u - column)) * 2 / rows)
    inside = ((joint * size - 0.8) / 1.0).clip(0, 1)
    bricks = np.asarray(palette[0], np.float32) * (0.78 + 0.36 * tone + 0.10 * value_noise(rng, size, 20))[..., None]
    mortar = np.asarray(palette[1], np.float32)
    return mortar + (bricks - mortar) * inside[..., None]


def _grass(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    blades = value_noise(rng, size, 16, (2.2, 0.9)) * 0.6 + value_noise(rng, size, 30, (1.3, 0.6)) * 0.4
    patches = value_noise(rng, size, 4)
    weight = (1.5 * (blades - 0.5) + 0.6 * (patches - 0.5) + 0.5).clip(0, 1)
    return _blend(palette, weight) * (0.72 + 0.42 * blades)[..., None]


def _stripes(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    x, _ = _coordinates(size, rng.uniform(-np.pi / 2, np.pi / 2))
    bands = rng.uniform(4.0, 7.0)
    weight = _soft_square(x * bands + rng.random(), size / (bands * 8))
    return _blend(palette, weight) * (0.94 + 0.06 * value_noise(rng, size, 5))[..., None]


def _marble(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    x, _ = _coordinates(size, rng.uniform(-np.pi, np.pi))
    turbulence = 1.1 * value_noise(rng, size, 3) + 0.5 * value_noise(rng, size, 7) + 0.2 * value_noise(rng, size, 14)
    veins = 1 - np.abs(np.sin(np.pi * (x * rng.uniform(1.2, 2.2) + 1.7 * turbulence)))
    weight = (veins**6 * 1.1 + 0.25 * value_noise(rng, size, 4)).clip(0, 1)
    return _blend(palette, weight)


PAINTERS: dict[str, Callable[[np.random.Generator, int, Palette], Feature]] = {
    "plain": _plain,
    "sky": _sky,
    "wood": _wood,
    "checker": _checker,
    "brick": _brick,
    "grass": _grass,
    "stripes": _stripes,
    "marble": _marble,
}


def paint_ground(family: str, rng: np.random.Generator, size: int, *, shifted: bool) -> Picture:
    """Paint one ground, float32 [size, size, 3] RGB in [0, 255]; ``shifted`` takes palettes unseen in training."""
    palettes = PALETTES[family]
    choice = palettes[TRAIN_PALETTES:] if shifted else palettes[:TRAIN_PALETTES]
    image = PAINTERS[family](rng, size, choice[int(rng.integers(len(choice)))])
    x, y = _coordinates(size)
    light = 1.06 - 0.16 * (0.4 * x + 0.6 * y)
    return (image * light[..., None] * rng.uniform(0.93, 1.05)).clip(0, 255).astype(np.float32)
