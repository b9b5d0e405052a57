"""Measures of a mask's shape, and its cleaning. Masks are bool [H, W]."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from editmill.manifests.arrays import Mask

# Larger holes are part of the object's shape: a ring, a handle.
LARGEST_FILLED_HOLE = 0.01


@dataclass(frozen=True)
class Cleaned:
    """A mask of one piece: ``largest`` is the share of the segmenter's pixels that the piece holds, ``filled`` that of
    the holes filled in it.
    """

    mask: Mask
    largest: float
    filled: float


def clean(mask: Mask) -> Cleaned:
    """Keep the largest piece of a mask that is not empty, and fill its small holes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    sizes = stats[1:count, cv2.CC_STAT_AREA]
    piece = labels == 1 + int(sizes.argmax())
    # Background meets by edges alone where the object meets by corners too.
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~piece).astype(np.uint8), connectivity=4)
    limit = LARGEST_FILLED_HOLE * sizes.max()
    holes = [
        hole for hole in range(1, count) if stats[hole, cv2.CC_STAT_AREA] <= limit and not _meets_border(labels == hole)
    ]
    full = piece | np.isin(labels, holes)
    return Cleaned(full, float(sizes.max() / mask.sum()), float((full.sum() - piece.sum()) / piece.sum()))


def _meets_border(mask: Mask) -> bool:
    return borders_met(mask) > 0


def borders_met(mask: Mask) -> int:
    """Return how many of the frame's four sides the mask touches."""
    return sum(bool(side.any()) for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))


def centrality(mask: Mask) -> float:
    """Return 1 for a mask whose centroid is the frame's centre, down to 0 in a corner."""
    rows, columns = np.nonzero(mask)
    down, across = (rows.mean() + 0.5) / mask.shape[0] - 0.5, (columns.mean() + 0.5) / mask.shape[1] - 0.5
    # The root of a half is how far a corner lies from the centre.
    return float(1 - np.hypot(down, across) / np.sqrt(0.5))


def mask_iou(first: Mask, second: Mask) -> float:
    """Return the intersection over union; 0 where both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 0.0
