"""Where a judge looks: at the object, since judges of small pictures see little of it in a whole frame."""

from __future__ import annotations

import numpy as np

from editmill.generators.guards.boxes import Box
from editmill.generators.guards.looking import object_crop
from editmill.manifests.arrays import Mask, Picture


def look_at(image: Picture, mask: Mask | None) -> Picture:
    """Return the square around the mask (uint8 [H, W], object above 127) with some context, or the whole frame where
    there is no mask.
    """
    return image if mask is None or not (mask > 127).any() else object_crop(image, mask > 127)


def mask_of_box(box: Box, shape: tuple[int, ...]) -> Mask:
    """Return a box as a mask, uint8 [H, W] of 0 and 255, of at least one pixel."""
    height, width = shape[:2]
    left, top = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
    mask = np.zeros((height, width), np.uint8)
    mask[top : max(top + 1, round(box[3])), left : max(left + 1, round(box[2]))] = 255
    return mask
