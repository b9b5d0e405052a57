"""The publication's own geometry, defects included, for faithful mode's ``compat`` (imagenet-e spec, section 3 B)."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.attribute.geometry import linear_part
from editmill.manifests.arrays import Feature, Mask, Picture

TOLERANCE = 0.015
TRIES = 50


def published_scale(mask: Mask, share: float) -> tuple[float, Feature]:
    """Return scale and matrix by the published search: about the object's box centre, until the share is within 0.015
    or has the same whole per cent.

    Where it moves the wrong way, or does not end within 50 steps, the object is silently kept as it is.
    """
    height, width = mask.shape
    inside = (mask > 0).astype(np.uint8)
    scale, ratio, (centre, matrix) = 1.0, _box_share(inside)[0], (_box_share(inside)[1], np.eye(2, 3))
    for _ in range(TRIES):
        if int(100 * ratio) == 100 * share or abs(ratio - share) <= TOLERANCE:
            return scale, matrix
        scale *= float(np.sqrt(share / ratio))
        matrix = np.hstack([np.eye(2) * scale, (centre * (1 - scale))[:, None]])
        found = _box_share(cv2.warpAffine(inside, matrix, (width, height), flags=cv2.INTER_NEAREST))[0]
        if not found or abs(found - share) > abs(ratio - share):
            break
        ratio = found
    return 1.0, np.eye(2, 3)


def _box_share(inside: Mask) -> tuple[float, Feature]:
    """Return the mask's share of the frame within the box of the contour with the largest box, and that box's
    centre.
    """
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return 0.0, np.zeros(2)
    x, y, width, height = max((cv2.boundingRect(contour) for contour in contours), key=lambda box: box[2] * box[3])
    centre = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
    return float(inside[y : y + height, x : x + width].mean() * width * height / inside.size), centre


def frame_rotation(matrix: Feature, angle: float, shape: tuple[int, ...]) -> Feature:
    """Return ``matrix`` followed by a turn about the middle of the frame, which also moves objects that lie off it."""
    linear = linear_part(1.0, angle)
    middle = np.array([shape[1] / 2 - 0.5, shape[0] / 2 - 0.5])
    return np.hstack([linear @ matrix[:, :2], (linear @ (matrix[:, 2] - middle) + middle)[:, None]])


def nearest_object(image: Picture, mask: Mask, matrix: Feature) -> tuple[Picture, Mask]:
    """Warp as PIL's ``rotate`` does, by nearest neighbours: colours uint8 [H, W, 3] and coverage float32 [H, W] of 0
    and 1.
    """
    size = (mask.shape[1], mask.shape[0])
    colours, coverage = (cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_NEAREST) for layer in (image, mask))
    return np.asarray(colours), (coverage > 127).astype(np.float32)


def grown_mask(mask: Mask, side: int) -> Mask:
    """Return the mask resized as published: bilinearly, any trace of it object, so that it grows by about a pixel."""
    return np.where(cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR) > 0, 255, 0).astype(np.uint8)
