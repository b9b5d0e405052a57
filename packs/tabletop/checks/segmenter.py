"""The segmenter's figures: overlap of its masks with the world's exact ones."""

from __future__ import annotations

import numpy as np

from editmill.generators.models.loading import Models
from editmill.generators.models.segmenter import Segmenter
from editmill.manifests.arrays import Feature
from editmill.packs.tabletop.training.segmenter import random_points
from editmill.packs.tabletop.world import Scene

AUTOMATIC_SCENES = 50
BOUNDS: dict[str, float] = {"segmenter_box_iou": 0.9, "segmenter_point_iou": 0.85}


def mask_iou(first: Feature, second: Feature) -> float:
    """Return the intersection over union of two boolean masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the mean IoU of the main object's mask from its box, from one random point on it, and of the best
    mask of the
    automatic mode.

    ``segmenter_ground_iou`` is from one random point on the ground; ``segmenter_iou_error`` is the mean absolute error
    of the predicted IoU of the masks from points.
    """
    segmenter = Segmenter(models)
    rng = np.random.default_rng(0)
    box: list[float] = []
    point: list[float] = []
    ground: list[float] = []
    error: list[float] = []
    for scene in scenes:
        mask, bare = scene.alphas[0] > 0.5, ~(np.max(scene.alphas, axis=0) > 0.5)
        box.append(mask_iou(segmenter.from_box(scene.image, scene.boxes[0]).mask, mask))
        for truth, values in ((mask, point), (bare, ground)):
            answer = segmenter.from_points(scene.image, random_points(truth, 1, rng), np.ones(1))
            values.append(mask_iou(answer.mask, truth))
            error.append(abs(answer.predicted_iou - values[-1]))
    automatic = [
        max(
            (
                mask_iou(found.mask, scene.alphas[0] > 0.5)
                for found in segmenter.automatic(scene.image, points_per_side=8)
            ),
            default=0.0,
        )
        for scene in scenes[:AUTOMATIC_SCENES]
    ]
    return {
        "segmenter_box_iou": float(np.mean(box)),
        "segmenter_point_iou": float(np.mean(point)),
        "segmenter_ground_iou": float(np.mean(ground)),
        "segmenter_automatic_iou": float(np.mean(automatic)),
        "segmenter_iou_error": float(np.mean(error)),
    }
