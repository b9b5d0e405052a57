"""Frames for roles that localise: whole scenes under random zooms, shifts and flips, with the truth that follows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from editmill.manifests.arrays import Feature, Picture
from editmill.packs.tabletop.training.views import resize
from editmill.packs.tabletop.world import Scene

Window = tuple[int, int, int]
TRIES = 10


@dataclass(frozen=True)
class Frame:
    """A square window (left, top, side in pixels) of a scene, perhaps mirrored, and which of the scene's objects it
    shows.
    """

    window: Window
    mirrored: bool
    shown: tuple[int, ...]

    def cut(self, image: Picture, side: int) -> Picture:
        """Return the frame's part of an image or a coverage [S, S, ...] at [side, side, ...].

        Beyond the scene its edge is repeated.
        """
        left, top, width = self.window
        size = image.shape[0]
        before, after = (max(0, -top), max(0, -left)), (max(0, top + width - size), max(0, left + width - size))
        if any(before) or any(after):
            image = cv2.copyMakeBorder(image, before[0], after[0], before[1], after[1], cv2.BORDER_REPLICATE)
            left, top = left + before[1], top + before[0]
        part = resize(image[top : top + width, left : left + width], side)
        return np.ascontiguousarray(part[:, ::-1] if self.mirrored else part)

    def boxes(self, scene: Scene) -> Feature:
        """Return the shown objects' boxes, float32 [n, 4] as (left, top, right, bottom) in [0, 1] of the frame."""
        left, top, width = self.window
        boxes = np.array([scene.boxes[number] for number in self.shown], np.float32).reshape(-1, 4)
        boxes = ((boxes - np.array([left, top, left, top], np.float32)) / width).clip(0, 1)
        return (
            np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1) if self.mirrored else boxes
        )


def visible_share(box: tuple[int, int, int, int], window: Window) -> float:
    """Return the share of the box's area that lies in the window."""
    left, top, side = window
    width = min(box[2], left + side) - max(box[0], left)
    height = min(box[3], top + side) - max(box[1], top)
    return max(0, width) * max(0, height) / ((box[2] - box[0]) * (box[3] - box[1]))


def _window(size: int, rng: np.random.Generator) -> Window:
    draw = rng.random()
    if draw < 0.5:
        return 0, 0, size
    side = round(size * (rng.uniform(0.6, 1.0) if draw < 0.9 else rng.uniform(1.05, 1.4)))
    low, high = min(0, size - side), max(0, size - side)
    return int(rng.integers(low, high + 1)), int(rng.integers(low, high + 1)), side


def random_frame(scene: Scene, rng: np.random.Generator, *, needs_object: bool = False) -> Frame:
    """Return the whole scene, a part of it, or more than it.

    A window that would show only a sliver of an object is drawn again, so that what a frame shows is either an object
    or ground; with ``needs_object`` so is one without objects.
    """
    # Where no draw fits, the whole scene does: it cuts no object.
    window: Window = (0, 0, scene.image.shape[0])
    for _ in range(TRIES):
        drawn = _window(scene.image.shape[0], rng)
        shares = [visible_share(box, drawn) for box in scene.boxes]
        if all(share > 0.55 or share < 0.02 for share in shares) and (max(shares, default=0) > 0.5 or not needs_object):
            window = drawn
            break
    shown = tuple(number for number, box in enumerate(scene.boxes) if visible_share(box, window) > 0.5)
    return Frame(window, bool(rng.random() < 0.5), shown)
