"""The figures of a segmenter whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.generators.models.segmenter import Segment
from editmill.packs.tabletop.checks import segmenter as check
from editmill.packs.tabletop.checks.segmenter import mask_iou, measure
from editmill.packs.tabletop.world import Scene, make_scene

SCENES = [make_scene("heldout", index, size=48) for index in (1, 2, 3)]
MODELS = Models(PackSpec(name="none", description="", roles={}, backgrounds=("grass",)), Placement(device="cpu"))


def whole(scene: Scene) -> np.ndarray:
    return np.ones(scene.image.shape[:2], bool)


class Oracle:
    """Answers boxes and points rightly but for one in three boxes, and the automatic mode with the ground and the
    object.
    """

    def __init__(self, models: Models) -> None:
        self.boxes = 0

    @staticmethod
    def scene(image: np.ndarray) -> Scene:
        return next(scene for scene in SCENES if np.array_equal(scene.image, image))

    def from_box(self, image: np.ndarray, box: tuple[int, int, int, int]) -> Segment:
        scene = self.scene(image)
        assert box == scene.boxes[0]
        self.boxes += 1
        return Segment(scene.alphas[0] > 0.5 if self.boxes < 3 else ~whole(scene), 1.0)

    def from_points(self, image: np.ndarray, points: np.ndarray, labels: np.ndarray) -> Segment:
        scene = self.scene(image)
        assert labels.tolist() == [1]
        x, y = (int(value) for value in points[0])
        found = [alpha > 0.5 for alpha in scene.alphas if alpha[y, x] > 0.5]
        return Segment(found[0] if found else ~(np.max(scene.alphas, axis=0) > 0.5), 0.75)

    def automatic(self, image: np.ndarray, **settings: Any) -> list[Segment]:
        scene = self.scene(image)
        return [] if scene is SCENES[2] else [Segment(whole(scene), 0.9), Segment(scene.alphas[0] > 0.5, 0.8)]


def test_mask_iou() -> None:
    one = np.array([[True, True, False]])
    assert mask_iou(one, one) == 1.0
    assert mask_iou(one, np.array([[False, True, True]])) == pytest.approx(1 / 3)
    assert mask_iou(one, ~one) == 0.0
    assert mask_iou(one & ~one, one & ~one) == 1.0


def test_figures_of_known_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "Segmenter", Oracle)
    figures = measure(MODELS, SCENES)
    assert figures["segmenter_box_iou"] == pytest.approx(2 / 3)
    assert figures["segmenter_point_iou"] == 1.0
    assert figures["segmenter_ground_iou"] == 1.0
    assert figures["segmenter_automatic_iou"] == pytest.approx(2 / 3)
    assert figures["segmenter_iou_error"] == pytest.approx(0.25)
