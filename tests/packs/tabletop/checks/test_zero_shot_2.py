from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.packs.tabletop.checks import zero_shot_2 as check
from editmill.packs.tabletop.checks.common import crop_of
from editmill.packs.tabletop.checks.zero_shot import named_rightly
from editmill.packs.tabletop.checks.zero_shot_2 import composites, measure, shared_errors
from editmill.packs.tabletop.world import CLASSES, make_scene

SCENES = [scene for scene in (make_scene("heldout", index, size=64) for index in range(12)) if len(scene.objects) == 1][
    :6
]
MODELS = Models(PackSpec(name="none", description="", roles={}, backgrounds=("grass",)), Placement(device="cpu"))


class Oracle:
    """Knows every picture of ``SCENES``; names the class of the scenes in ``wrong`` wrongly, and always says red."""

    def __init__(self, wrong: set[int]) -> None:
        self.wrong = wrong
        self.known: list[tuple[np.ndarray, int]] = []
        for number, (scene, pasted) in enumerate(zip(SCENES, composites(SCENES), strict=True)):
            self.known += [(picture, number) for picture in (scene.image, crop_of(scene), crop_of(pasted))]

    def class_prompts(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"a {name}" for name in names)

    def probabilities(self, images: list[np.ndarray], texts: tuple[str, ...]) -> np.ndarray:
        return np.stack([self._answer(image, texts) for image in images])

    def _answer(self, image: np.ndarray, texts: tuple[str, ...]) -> np.ndarray:
        numbers = [number for known, number in self.known if np.array_equal(known, image)]
        if not numbers:
            return np.array([text == "no object" for text in texts], float)
        name = CLASSES.index(SCENES[numbers[0]].objects[0].name)
        seen = CLASSES[(name + (numbers[0] in self.wrong)) % 8]
        return np.array([text == f"a {seen}" or "red" in text.split() for text in texts], float)


def test_shared_errors() -> None:
    assert shared_errors([True, False, False, True], [True, False, True, False]) == pytest.approx(1 / 3)
    assert shared_errors([True, True], [True, True]) == 0
    assert shared_errors([False], [False]) == 1


def test_composites_are_the_scenes_objects_elsewhere() -> None:
    made = composites(SCENES)
    assert [scene.objects[0].name for scene in made] == [scene.objects[0].name for scene in SCENES]
    assert [scene.ground for scene in made] == [scene.ground for scene in SCENES[1:] + SCENES[:1]]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(made, composites(SCENES), strict=True))


def test_each_picture_is_compared_with_its_own_scene() -> None:
    judge: Any = Oracle({1})
    assert named_rightly(judge, [scene.image for scene in SCENES], SCENES) == [number != 1 for number in range(6)]


def test_measure_counts_each_judges_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    judges = {"zero_shot": Oracle({0, 1, 2}), "zero_shot_2": Oracle({2})}
    monkeypatch.setattr(check, "ZeroShotJudge", lambda models, role="zero_shot": judges[role])
    figures = measure(MODELS, SCENES)
    red = np.mean([scene.objects[0].colour == "red" for scene in SCENES])
    expected = {
        "zero_shot_2_class": 5 / 6,
        "zero_shot_2_colour": red,
        "zero_shot_2_none": 1.0,
        "zero_shot_2_seen": 1.0,
        "zero_shot_2_class_composite": 5 / 6,
        "zero_shot_2_class_whole": 5 / 6,
        "zero_shot_2_shared_errors": 1 / 3,
    }
    assert figures == pytest.approx(expected)
