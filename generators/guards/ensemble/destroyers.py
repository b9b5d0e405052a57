"""Edits that destroy the label: what no guard may let pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.composite import compose, matte
from editmill.generators.compositing.removal import Remover
from editmill.generators.guards.boxes import box_of
from editmill.manifests.arrays import Mask, Picture

OPERATORS: tuple[str, ...] = ("class_swap", "occluded", "background_crop", "removed", "other_class")
# Of the object, the share that stays visible beside the card, at most.
VISIBLE = 0.1
# Of the frame's sides, what a crop of the background has at least.
LEAST_CROP = 0.25
# Pixels around the object that hold its rim and the start of its shadow.
RIM = 3


@dataclass(frozen=True)
class Destroyed:
    """A picture that does not show its label any more: uint8 [H, W, 3] RGB, and where the object was, uint8 [H, W]."""

    operator: str
    image: Picture
    mask: Mask


def destroyed(
    source: LoadedSource,
    other: LoadedSource,
    rng: np.random.Generator,
    *,
    remover: Remover | None = None,
    seed: int = 0,
) -> Iterator[Destroyed]:
    """Yield every operator on one source; those that find no room are left out.

    ``class_swap`` is a picture of another class; ``occluded`` the source behind a card that leaves less than a tenth of
    the object; ``background_crop`` an enlarged piece of the source without the object; ``removed`` the pack's own
    removal of it, and ``other_class`` another object laid on that. The last two need ``remover``. A source that shows
    its class a second time, which the mask does not tell, makes pictures whose label still is right.

    Args:
        source: A source of the label.
        other: One of another class.
        rng: For the card.
        remover: Removes objects.
        seed: Of its noise.
    """
    yield Destroyed("class_swap", other.image, other.mask)
    yield Destroyed("occluded", occluded(source, rng), source.mask)
    crop = background_crop(source)
    if crop is not None:
        yield Destroyed("background_crop", crop, source.mask)
    if remover is not None:
        background = remover.background(source, seed)
        yield Destroyed("removed", background, source.mask)
        yield other_class(source, other, background)


def occluded(source: LoadedSource, rng: np.random.Generator) -> Picture:
    """Return the source with a card of one colour, pushed over the object from one side until less than a tenth of it
    shows.
    """
    mask = source.mask > 127
    left, top, right, bottom = (int(edge) for edge in box_of(mask))
    axis, reverse = int(rng.integers(2)), bool(rng.integers(2))
    profile = mask.sum(axis=axis)[slice(left, right) if axis == 0 else slice(top, bottom)]
    covered = np.cumsum(profile[::-1] if reverse else profile)
    length = int(np.argmax(covered > (1 - VISIBLE) * covered[-1])) + 1
    box = [max(0, left - RIM), max(0, top - RIM), right + RIM, bottom + RIM]
    first, last = (0, 2) if axis == 0 else (1, 3)
    start, end = (left, right) if axis == 0 else (top, bottom)
    box[first if reverse else last] = end - length if reverse else start + length
    image = source.image.copy()
    image[box[1] : box[3], box[0] : box[2]] = rng.integers(0, 256, 3, dtype=np.uint8)
    return image


def background_crop(source: LoadedSource) -> Picture | None:
    """Return the largest piece beside the object, of the frame's aspect, enlarged to the frame.

    None where there is no room.
    """
    height, width = source.mask.shape
    left, top, right, bottom = (int(edge) for edge in box_of(source.mask > 127))
    rooms = (
        (0, 0, width, top - RIM),
        (0, bottom + RIM, width, height),
        (0, 0, left - RIM, height),
        (right + RIM, 0, width, height),
    )
    scale, (x, y, _, _) = max((min((room[2] - room[0]) / width, (room[3] - room[1]) / height), room) for room in rooms)
    if scale < LEAST_CROP:
        return None
    piece = source.image[y : y + round(scale * height), x : x + round(scale * width)]
    return cv2.resize(piece, (width, height), interpolation=cv2.INTER_CUBIC)


def other_class(source: LoadedSource, other: LoadedSource, background: Picture) -> Destroyed:
    """Return the other's object in the place and of the size of the source's, on the background that the removal
    left.
    """
    height, width = source.mask.shape
    mine, theirs = box_of(source.mask > 127), box_of(other.mask > 127)
    scale = max(mine[2] - mine[0], mine[3] - mine[1]) / max(theirs[2] - theirs[0], theirs[3] - theirs[1])
    # The right edge is exclusive, so the middle pixel is half of left + right - 1.
    shift = [
        (mine[axis] + mine[axis + 2] - 1) / 2 - scale * (theirs[axis] + theirs[axis + 2] - 1) / 2 for axis in (0, 1)
    ]
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)
    # Colours go on beyond their frame, while coverage ends there and decides what shows.
    moved = cv2.warpAffine(
        other.image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    coverage = cv2.warpAffine((other.mask > 127).astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR)
    return Destroyed(
        "other_class", compose(moved, background, matte(coverage)), np.where(coverage > 0.5, 255, 0).astype(np.uint8)
    )
