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
# Narrower pictures can't be padded by reflection to what networks need.
LEAST_SIDE = 32


def frame(image: Picture, settings: WatermarkSettings) -> Picture:
    """Return a source, uint8 [H, W, 3] RGB, in the frame of its samples; ``pad`` never enlarges and never cuts.

    Raises:
        Unusable: The picture is too small for marks.
    """
    _check(image, settings)
    if settings.fit == "crop":
        short = min(image.shape[:2])
        top, left = ((length - short) // 2 for length in image.shape[:2])
        image = image[top : top + short, left : left + short]
    height, width = image.shape[:2]
    scale = settings.side / min(height, width) if settings.side else 1.0
    if settings.fit == "pad":
        scale = min(scale, 1.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size != (width, height):
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    # Again, as shrinking may have left too little.
    _check(image, settings)
    # A copy of its own: decoded files are read-only, which torch warns of.
    return np.array(image)


def _check(image: Picture, settings: WatermarkSettings) -> None:
    height, width = image.shape[:2]
    if height * width < settings.least_pixels or min(height, width) < LEAST_SIDE:
        limits = f"{LEAST_SIDE} on a side, {settings.least_pixels} in all (least_pixels)"
        raise Unusable(Reason.SOURCE_TOO_SMALL, f"{width}x{height} pixels are too few: {limits}")


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
