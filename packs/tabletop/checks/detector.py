"""The detector's figures: average precision over the classes of scenes with one or two objects, and what it reports on
empty ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np

from editmill.generators.models.detector import Detector
from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.common import held_out, share
from editmill.packs.tabletop.world import CLASSES, COLOURS, Scene
from editmill.packs.tabletop.world.captions import with_article

Box = tuple[float, float, float, float]
# The product's default threshold; average precision uses every detection.
THRESHOLD = 0.3
BOUNDS: dict[str, float] = {"detector_ap50": 0.9}


@dataclass(frozen=True)
class Found:
    """One detection of one class: the image's number, the box and the score."""

    image: int
    box: Box
    score: float


def box_iou(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes (left, top, right, bottom)."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / max(areas[0] + areas[1] - shared, 1e-9)


def average_precision(found: list[Found], truth: dict[int, list[Box]], *, least: float = 0.5) -> float:
    """Return area under the precision-recall curve of one class, all-point interpolation (VOC development kit since
    2010).

    Each true box counts once, for the best-scored detection that overlaps it most and by at least ``least``; further
    ones are false.
    """
    free = {image: [True] * len(boxes) for image, boxes in truth.items()}
    right = []
    for item in sorted(found, key=lambda item: -item.score):
        overlaps = [box_iou(item.box, box) for box in truth.get(item.image, [])]
        best = int(np.argmax(overlaps)) if overlaps else -1
        hit = best >= 0 and overlaps[best] >= least and free[item.image][best]
        if hit:
            free[item.image][best] = False
        right.append(hit)
    hits = np.cumsum(right)
    total = sum(map(len, truth.values()))
    # At each recall the best precision that is reached there or later.
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[np.array(right, bool)].sum() / total)


def _as_box(box: tuple[int, int, int, int]) -> Box:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


def class_precision(detector: Detector, scenes: list[Scene], *, least: float = 0.5) -> float:
    """Return the mean over the classes of the average precision on ``scenes``, each asked for all classes at once."""
    queries = detector.class_queries(CLASSES)
    answers = detector.detect([scene.image for scene in scenes], queries, threshold=0.01)
    values = []
    for label, name in enumerate(CLASSES):
        found = [
            Found(number, item.box, item.score)
            for number, items in enumerate(answers)
            for item in items
            if item.label == label
        ]
        truth: dict[int, list[Box]] = {
            number: boxes
            for number, scene in enumerate(scenes)
            if (
                boxes := [
                    _as_box(box) for box, item in zip(scene.boxes, scene.objects, strict=True) if item.name == name
                ]
            )
        }
        if truth:
            values.append(average_precision(found, truth, least=least))
    return float(np.mean(values))


def colour_named(detector: Detector, scenes: list[Scene]) -> float:
    """Return how often, of "a red cube", "a green cube" and so on, the true colour scores highest for scenes with one
    object.
    """
    right = []
    for scene in scenes:
        name = scene.objects[0].name
        queries = tuple(with_article(f"{colour} {name}") for colour in COLOURS)
        found = detector.detect([scene.image], queries, threshold=0.0)[0]
        right.append(list(COLOURS)[found[0].label] == scene.objects[0].colour)
    return share(right)


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Average precision at IoU 0.5 and 0.75, and shares at the default threshold.

    Args:
        models: The pack's models.
        scenes: Held-out scenes with one object; average precision uses as many of its own, with one or two objects.
    """
    detector = Detector(models)
    mixed = list(islice(held_out(objects=None), len(scenes)))
    queries = detector.class_queries(CLASSES)
    with_object = detector.detect([scene.image for scene in scenes], queries, THRESHOLD)
    empty = detector.detect([scene.clean for scene in scenes], queries, THRESHOLD)
    return {
        "detector_ap50": class_precision(detector, mixed),
        "detector_ap75": class_precision(detector, mixed, least=0.75),
        "detector_seen": share([bool(found) for found in with_object]),
        "detector_false_on_empty": share([bool(found) for found in empty]),
        "detector_colour": colour_named(detector, scenes[:100]),
    }
