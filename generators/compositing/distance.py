"""Distances from masks, with the same bits every time."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Feature, Mask


def distance_to(mask: Mask) -> Feature:
    """Return the distance in pixels of each pixel from a mask, bool [H, W]: float32 [H, W]; far beyond any frame where
    the mask is empty.

    OpenCV's own last bit depends on where its result lies in memory. Squares of distances are whole numbers, so rounded
    they have none that could differ, up to 1,400 pixels.
    """
    found = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    exact: Feature = np.sqrt(np.rint(np.square(found.astype(np.float64)))).astype(np.float32)
    return exact
