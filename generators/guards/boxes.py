"""Boxes of objects: (left, top, right, bottom) in pixels, right and bottom exclusive."""

from __future__ import annotations

import numpy as np

from editmill.manifests.arrays import Mask

Box = tuple[float, float, float, float]


def box_of(mask: Mask) -> Box:
    """Return the box of a mask, bool [H, W] with at least one pixel set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def box_area(box: Box) -> float:
    """Return area in pixels; 0 for an empty box."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def shared_area(first: Box, second: Box) -> float:
    """Return area in pixels of the intersection."""
    return box_area(
        (max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3]))
    )


def box_iou(first: Box, second: Box) -> float:
    """Return the intersection over union, in [0, 1]."""
    shared = shared_area(first, second)
    return shared / max(box_area(first) + box_area(second) - shared, 1e-9)


def containment(first: Box, second: Box) -> float:
    """Return the intersection's share of the smaller box, in [0, 1]: 1 when one lies within the other."""
    return shared_area(first, second) / max(min(box_area(first), box_area(second)), 1e-9)
