"""The frame that pictures are brought to before they are marked, so that no later resizing counts as an attack."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.watermark.settings import WatermarkSettings
from editmill.manifests.arrays import Picture

# Grey levels of local standard deviation, in windows of 7 pixels, under which a place counts as flat.
FLAT, WINDOW = 2.0, 7


def frame(image: Picture, settings: WatermarkSettings) -> Picture:
    """Return a source, uint8 [H, W, 3] RGB, in the frame of its samples.

    Raises:
        Unusable: The picture is too small for marks.
    """
    height, width = image.shape[:2]
    if few := settings.too_small(width, height):
        raise Unusable(Reason.SOURCE_TOO_SMALL, few)
    if settings.fit == "crop":
        short = min(height, width)
        top, left = ((length - short) // 2 for length in (height, width))
        image = image[top : top + short, left : left + short]
    size = settings.framed(width, height)
    if size != image.shape[1::-1]:
        shrinks = size < image.shape[1::-1]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    # A copy of its own: decoded files are read-only, which torch warns of.
    return np.array(image)


def pad_to(image: Picture, multiple: int) -> Picture:
    """Return the picture with reflected rows below and columns at the right, so that both sides are multiples of
    ``multiple``.
    """
    below, right = (-length % multiple for length in image.shape[:2])
    return cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101) if below or right else image


def flat_share(image: Picture) -> float:
    """Return the share of pixels around which grey values hardly vary: where marks that hide in texture are weak."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean, square = (cv2.blur(values, (WINDOW, WINDOW)) for values in (grey, grey * grey))
    return float(np.mean(square - mean * mean < FLAT * FLAT))
