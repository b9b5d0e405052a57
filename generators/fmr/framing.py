"""The frame that sources are brought to before anything is made of them, so that controls and ascents show the same."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Picture


def frame(image: Picture, *, side: int, multiple: int, mask: bool = False) -> Picture:
    """Return the middle of a picture.

    Args:
        image: Uint8 [H, W, 3] RGB, or a mask uint8 [H, W].
        side: Of the square that is cut from the middle after the shorter side was scaled to it; 0 keeps the size.
        multiple: What both sides are cut to multiples of.
        mask: Scale by the nearest pixel.

    Returns:
        A copy of its own, at most ``multiple - 1`` pixels smaller along each axis than asked for.

    Raises:
        ValueError: A side is shorter than ``multiple``.
    """
    height, width = image.shape[:2]
    if side and min(height, width) != side:
        scale = side / min(height, width)
        # Rounding must not leave less than the square that is cut.
        size = (max(side, round(width * scale)), max(side, round(height * scale)))
        interpolation = cv2.INTER_NEAREST if mask else cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(image, size, interpolation=interpolation)
        height, width = image.shape[:2]
    rows, columns = ((side or length) // multiple * multiple for length in (height, width))
    if not rows or not columns:
        raise ValueError(f"a picture of {width} x {height} pixels holds no multiple of {multiple}")
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.array(image[top : top + rows, left : left + columns])
