"""What judges of labels look at, and what they are told that nothing is called."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Mask, Picture

# Closed vocabularies have this name for a picture without an object.
NOTHING = "no object"
CONTEXT = 0.3


def object_crop(image: Picture, alpha: Mask) -> Picture:
    """Return the square around the object with a third of its size as context on each side.

    Beyond the frame the border is repeated.
    """
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    half = max(2, round(max(bottom - top, right - left) * (0.5 + CONTEXT)))
    y, x = (top + bottom) // 2, (left + right) // 2
    # Half a side is enough on all sides, since the middle lies in the frame.
    border = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REPLICATE)
    return border[y : y + 2 * half, x : x + 2 * half]
