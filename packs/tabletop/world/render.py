"""Shading of one object and its composition over the ground."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.packs.tabletop.world.shapes import SHAPES
from editmill.packs.tabletop.world.vocabulary import COLOURS

LIGHT = np.array([-0.48, -0.58, 0.66], np.float32)
# Between the light and an eye that looks along z from far away.
HALFWAY = (LIGHT + np.array([0, 0, 1], np.float32)) / np.linalg.norm(LIGHT + np.array([0, 0, 1], np.float32))
SUPERSAMPLING = 3


def _shade(normal: Feature, albedo: Feature, colour: Feature, finish: str) -> Picture:
    """Return Blinn-Phong with a fixed light from the upper left, float32 RGB in [0, 255]."""
    diffuse = np.clip(normal @ LIGHT, 0, 1)
    highlight = np.clip(normal @ HALFWAY, 0, 1)
    ambient, direct, gloss, power = {
        "matte": (0.46, 0.62, 0.0, 1),
        "": (0.40, 0.66, 0.35, 22),
        "metal": (0.34, 0.66, 0.95, 48),
    }[finish]
    light = (ambient + direct * diffuse) * albedo
    if finish == "metal":
        light = light * (0.90 + 0.24 * np.sin(5.5 * normal[..., 1] + 2.5 * normal[..., 0]))
    specular = gloss * highlight**power
    return (colour * light[..., None] + 255.0 * specular[..., None]).clip(0, 255)


def draw_object(
    size: int,
    *,
    name: str,
    colour: str,
    finish: str,
    centre: tuple[float, float],
    radius: float,
    angle: float,
    tint: Picture,
) -> tuple[Picture, Mask]:
    """Draw one object alone on a frame.

    Args:
        size: Frame side in pixels.
        name: One of ``CLASSES``.
        colour: One of ``COLOURS``.
        finish: One of ``FINISHES``, or "" for none.
        centre: Object centre as (x, y) fractions of the frame.
        radius: Half of the object's extent as a fraction of the frame.
        angle: Rotation in radians, counter-clockwise on screen.
        tint: Colour jitter, float [3], added to the nominal RGB colour.

    Returns:
        Premultiplied-free colour float32 [size, size, 3] RGB in [0, 255] and exact coverage float32 [size, size] in [0,
        1].
    """
    reach = radius * 1.05
    left, top = (int(np.floor((c - reach) * size)) for c in centre)
    side = int(np.ceil(2 * reach * size)) + 2
    axis = np.arange(side * SUPERSAMPLING, dtype=np.float32) / SUPERSAMPLING + 0.5 / SUPERSAMPLING
    dx = ((axis + left) / size - centre[0])[None, :] / radius
    dy = ((axis + top) / size - centre[1])[:, None] / radius
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    surface = SHAPES[name](cosine * dx - sine * dy, sine * dx + cosine * dy)
    normal = surface.normal.copy()
    normal[..., 0] = cosine * surface.normal[..., 0] + sine * surface.normal[..., 1]
    normal[..., 1] = cosine * surface.normal[..., 1] - sine * surface.normal[..., 0]
    shaded = _shade(normal, surface.albedo, np.asarray(COLOURS[colour], np.float32) + tint, finish)
    inside = surface.inside.astype(np.float32)
    alpha = cv2.resize(inside, (side, side), interpolation=cv2.INTER_AREA)
    # Averaged together with the coverage, or the colour outside of the object would bleed into its edge.
    colours = cv2.resize(shaded.astype(np.float32) * inside[..., None], (side, side), interpolation=cv2.INTER_AREA)
    colours /= np.maximum(alpha, 1e-6)[..., None]
    return _place(colours, size, left, top), _place(alpha, size, left, top)


def _place(patch: Feature, size: int, left: int, top: int) -> Feature:
    frame = np.zeros((size, size, *patch.shape[2:]), np.float32)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + patch.shape[1], size), min(top + patch.shape[0], size)
    if x1 > x0 and y1 > y0:
        frame[y0:y1, x0:x1] = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    return frame


def cast_shadow(image: Picture, alpha: Mask, radius: float, strength: float) -> Picture:
    """Darken the ground softly to the lower right of an object."""
    size = image.shape[0]
    shift = radius * size * 0.22
    moved = cv2.warpAffine(alpha, np.array([[1, 0, shift], [0, 1, shift]], np.float32), (size, size))
    soft = cv2.GaussianBlur(moved, (0, 0), max(radius * size * 0.16, 0.6))
    return image * (1 - strength * soft)[..., None]


def composite(image: Picture, colours: Feature, alpha: Mask) -> Picture:
    """Lay straight-alpha ``colours`` over ``image``."""
    return image + (colours - image) * alpha[..., None]
