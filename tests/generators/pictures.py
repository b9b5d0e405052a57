"""Synthetic photographs with masks, held in memory."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from editmill.generators.attribute.candidates import EditJob
from editmill.generators.base.edits import Edit, Scalar, make_edit
from editmill.generators.base.loaded import LoadedSource
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.records import SourceRecord

WIDTH, HEIGHT = 96, 64


def photo(seed: int = 0, *, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Smooth noise between dark and bright grey, uint8 [H, W, 3]."""
    grid = np.random.default_rng(seed).integers(40, 216, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def disc(radius: int = 14, *, centre: tuple[int, int] = (40, 30), width: int = WIDTH, height: int = HEIGHT) -> Mask:
    """The mask of a disc, uint8 [H, W]."""
    return cv2.circle(np.zeros((height, width), np.uint8), centre, radius, 255, -1)


def box(left: int, top: int, right: int, bottom: int, *, width: int = WIDTH, height: int = HEIGHT) -> Mask:
    """The mask of a rectangle whose right and bottom are exclusive, uint8 [H, W]."""
    mask = np.zeros((height, width), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def record(identity: str = "a", *, label: int = 0, class_name: str = "ball", problem: str = "") -> SourceRecord:
    """A source's record."""
    sha256, mask_sha256 = (hashlib.sha256(f"{identity} {part}".encode()).hexdigest() for part in ("image", "mask"))
    return SourceRecord(
        id=identity,
        image=f"{identity}.png",
        mask=f"{identity}-mask.png",
        label=label,
        class_name=class_name,
        width=WIDTH,
        height=HEIGHT,
        sha256=sha256,
        mask_sha256=mask_sha256,
        problem=problem,
    )


def source(
    identity: str = "a",
    *,
    label: int = 0,
    class_name: str = "ball",
    seed: int = 0,
    mask: Mask | None = None,
    image: Picture | None = None,
) -> LoadedSource:
    """A loaded source: a noisy red disc on smooth noise, unless ``mask`` or ``image`` say otherwise."""
    outline = disc() if mask is None else mask
    height, width = outline.shape
    if image is None:
        image = photo(seed, width=width, height=height)
        grain = np.random.default_rng(seed + 1000).integers(0, 50, (height, width, 3), dtype=np.uint8)
        image = np.where(outline[..., None] > 0, grain + np.array([200, 40, 30], np.uint8), image)
    return LoadedSource(record(identity, label=label, class_name=class_name), image, outline)


def job(
    name: str,
    loaded: LoadedSource | None = None,
    *,
    partner: LoadedSource | None = None,
    seed: int = 7,
    level: float = 0.0,
    **parameters: Scalar,
) -> EditJob:
    """A job of the attribute generator."""
    edit: Edit = make_edit("attribute", name, level=level, stochastic=name == "background", **parameters)
    return EditJob(f"{name}-0", source() if loaded is None else loaded, edit, seed, partner=partner)
