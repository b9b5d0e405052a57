"""The placement guard: the object lies where the recorded matrix puts it, at the planned angle."""

from __future__ import annotations

import math

import cv2
import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.geometry import warp
from editmill.generators.attribute.guards.limits import PlacementRule
from editmill.generators.attribute.guards.scores import PLACEMENT
from editmill.generators.base.guards import Verdict
from editmill.generators.compositing.composite import matte
from editmill.manifests.arrays import Feature, Mask, Picture


def centroid(mask: Mask) -> Mask:
    """Return the mean (x, y) pixel index of a mask, bool [H, W] with at least one pixel set: float64 [2]."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


def turned_by(matrix: Feature) -> float:
    """Return the angle of a matrix float64 [2, 3] in degrees, counter-clockwise as the picture is seen."""
    # Sums of both entries for sine and cosine; the scale drops out of their quotient.
    return math.degrees(math.atan2(matrix[0, 1] - matrix[1, 0], matrix[0, 0] + matrix[1, 1]))


def angle_between(first: float, second: float) -> float:
    """Return the smaller angle between two directions in degrees, in [0, 180]."""
    return abs((first - second + 180) % 360 - 180)


class PlacementGuard:
    """Rejects when the object's centroid or angle is off (gate G6).

    The centroid is that of all that shows of the object (alpha above 0), against what the recorded matrix makes of the
    source's mask; its matte is taken too, since objects lose thin parts with their outermost pixel. ``angle_error`` is
    that of the recorded matrix against the plan.
    """

    score_names: tuple[str, ...] = PLACEMENT

    def __init__(self, rule: PlacementRule) -> None:
        self.rule = rule

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        if "matrix" not in candidate.parameters:
            return Verdict({})
        matrix = np.asarray(candidate.parameters["matrix"], np.float64).reshape(2, 3)
        height, width = job.source.mask.shape
        # As the object was placed: full repeats the border of the whole picture.
        border = cv2.BORDER_REPLICATE if job.edit.name == "full" else cv2.BORDER_CONSTANT
        coverage = warp(job.source.mask.astype(np.float32) / 255, matrix, (width, height), border=border)
        wanted, found = matte(coverage.clip(0, 1)) > 0, candidate.alpha > 0
        scores = {"angle_error": angle_between(turned_by(matrix), float(job.edit.get("angle", 0)))}
        if wanted.any() and found.any():
            scores["centroid_error"] = float(np.hypot(*(centroid(found) - centroid(wanted))))
        return self.rule.decide(job.edit, scores)
