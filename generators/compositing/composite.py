"""The pixel contract: stored = alpha * object + (1 - alpha) * background, with exact object bytes where alpha is
255.
"""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.compositing.distance import distance_to
from editmill.manifests.arrays import Feature, Mask, Picture

RAMP = 2.0
FINE_FRAME = 200


def matte(coverage: Mask) -> Mask:
    """Return the object's alpha, uint8 [H, W], from its coverage, float32 [H, W] in [0, 1].

    Alpha ramps over two pixels inside the object; in frames of at least 200 pixels the outermost pixel is left out,
    because in photographs it is mixed with the old background (imagenet-e composite: eroded mask, ramp inside).
    """
    inside = (coverage > 0.5).astype(np.uint8)
    # Outside the frame counts as object, so an object cut off by the frame has no ramp along the border.
    padded = cv2.copyMakeBorder(inside, 4, 4, 4, 4, cv2.BORDER_REPLICATE)
    depth = distance_to(padded == 0)[4:-4, 4:-4]
    erosion = 1.0 if min(coverage.shape) >= FINE_FRAME else 0.0
    # The outermost pixel of the object has depth 1.
    return np.rint(((depth - erosion) / RAMP).clip(0, 1) * 255).astype(np.uint8)


def object_share(coverage: Mask) -> float:
    """Return the object's share of the frame: the mean of its alpha."""
    return float(matte(coverage).mean() / 255)


def to_linear(values: Feature) -> Picture:
    """Convert sRGB in [0, 255] to linear light in [0, 1] (IEC 61966-2-1)."""
    scaled = values.astype(np.float64) / 255
    return np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)


def from_linear(values: Picture) -> Picture:
    """Convert linear light in [0, 1] to sRGB uint8, rounded."""
    scaled = np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0) ** (1 / 2.4) - 0.055)
    return np.rint(scaled.clip(0, 1) * 255).astype(np.uint8)


def compose(foreground: Feature, background: Picture, alpha: Mask) -> Picture:
    """Lay ``foreground`` over ``background`` (both uint8 [H, W, 3] RGB) by ``alpha`` (uint8 [H, W]).

    The seam is blended in linear light.
    """
    # Copied and not computed, so that bytes stay exact without relying on the round trip through linear light.
    result = np.where((alpha == 255)[..., None], foreground, background)
    seam = (alpha > 0) & (alpha < 255)
    weight = alpha[seam][:, None] / 255
    result[seam] = from_linear(weight * to_linear(foreground[seam]) + (1 - weight) * to_linear(background[seam]))
    return result


def cover(image: Picture, shape: tuple[int, ...]) -> Picture:
    """Resize ``image`` to cover a frame of ``shape`` (height, width) and cut its centre."""
    height, width = shape[:2]
    if image.shape[:2] == (height, width):
        return image
    factor = max(height / image.shape[0], width / image.shape[1])
    size = (max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.asarray(resized[top : top + height, left : left + width])
