from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from editmill.evaluators import render, report
from editmill.evaluators.watermark.detectors import NamedDetector, load_detector
from editmill.evaluators.watermark.evaluation import evaluate_watermark
from editmill.manifests import ModelError
from tests.evaluators.builder import named, quick
from tests.evaluators.watermark.builder import LADDER, build

numbers = count()
RUNGS = LADDER[:2]

SOURCE = """
import numpy as np

def red(images):
    return [float(image[0, 0, 0]) for image in images]

class Detector:
    def __call__(self, images):
        return np.arange(len(images))

class Needy:
    def __init__(self, path):
        self.path = path

class Tools:
    red = staticmethod(red)

def factory():
    return red

def nothing():
    return 3

def broken():
    raise RuntimeError("no weights today")

def two(images, labels):
    return images

def words(images):
    return ["marked"] * len(images)

def short(images):
    return [1.0]

def ragged(images):
    return [[0], [0, 1]]

def none(images):
    return None

def fails(images):
    return np.stack(images).sum(axis=9)

constant = 5
"""


@pytest.fixture
def module(module_folder: Path) -> str:
    name = f"user_detectors_{next(numbers)}"
    (module_folder / f"{name}.py").write_text(SOURCE)
    return name


def images(n: int) -> list[np.ndarray]:
    return [np.full((4, 5, 3), number, np.uint8) for number in range(n)]


@pytest.mark.parametrize("attribute", ["red", "factory", "Tools.red", "Detector"])
def test_functions_factories_and_classes_score(module: str, attribute: str) -> None:
    detector = load_detector(f"{module}:{attribute}")
    assert detector.name == f"{module}:{attribute}"
    assert detector.scores(images(3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ("absent", "has no 'absent'"),
        ("constant", "is a int, not a function"),
        ("two", "takes neither no argument nor one"),
        ("Needy", "takes neither no argument nor one"),
        ("nothing", "takes no list of images"),
        ("broken", "RuntimeError: no weights today"),
    ],
)
def test_what_is_no_detector_is_refused(module: str, attribute: str, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        load_detector(f"{module}:{attribute}")


@pytest.mark.parametrize("spec", ["nothing", ":f", "module:", "timm:/x:y", "a/b:c", "no_such_module_here:f"])
def test_names_of_nothing_are_refused(spec: str) -> None:
    with pytest.raises(ModelError):
        load_detector(spec)


@pytest.mark.parametrize(
    ("attribute", "text"),
    [("words", "returned <U6"), ("short", "for 2 images"), ("none", "returned object"), ("ragged", "is not an array")],
)
def test_answers_that_are_no_scores_are_refused(module: str, attribute: str, text: str) -> None:
    with pytest.raises(ModelError, match=text) as caught:
        load_detector(f"{module}:{attribute}").scores(images(2))
    assert "one number per image" in caught.value.fix


def test_a_detector_that_fails_is_named_with_its_line(module: str) -> None:
    with pytest.raises(ModelError, match=rf"{module}:fails failed on 2 images: AxisError") as caught:
        load_detector(f"{module}:fails").scores([images(1)[0]] * 2)
    assert caught.value.where.endswith(
        f"{module}.py:{SOURCE.splitlines().index('    return np.stack(images).sum(axis=9)') + 1}"
    )


def test_images_that_cannot_be_decoded_are_misses() -> None:
    detector = NamedDetector("half", lambda given: [float("nan") if image[0, 0, 0] else 1.0 for image in given])
    assert detector.scores(images(2)).tolist() == [1, -np.inf]


def test_few_nulls_give_ranks_but_no_rates(tmp_path: Path, module: str) -> None:
    result = evaluate_watermark(
        build(tmp_path, sources=8, rungs=RUNGS, replicated=2), named(load_detector(f"{module}:red")), quick(50)
    )
    assert [one.rung for one in result.detectors] == ["pipeline", "vae"]
    assert {one.auroc.value for one in result.detectors} == {1}
    assert [level.message for level in result.detectors[0].levels] == [
        "refused: 4 of 95 nulls",
        "refused: 4 of 10000 nulls",
    ]
    assert result.detectors[0].levels[0].tpr is None
    assert "refused: 4 of 95 nulls" in render(report(result), "text")


def test_rates_come_from_sources_that_set_no_threshold(tmp_path: Path) -> None:
    """The detector sees the mark, but for every fourth source; unmarked samples score by their source."""
    detector = NamedDetector(
        "d", lambda given: [300.0 if image[0, 0, 0] and image[0, 0, 1] % 4 else image[0, 0, 1] / 300 for image in given]
    )
    result = evaluate_watermark(build(tmp_path, sources=200, rungs=LADDER[:1]), named(detector), quick(50))
    level = result.detectors[0].levels[0]
    assert (level.nulls, level.message) == (100, "")
    assert level.level == pytest.approx(1 / 101)
    assert level.tpr is not None
    assert level.fpr is not None
    assert level.tpr.n == level.fpr.n == 100
    assert level.tpr.value == pytest.approx(0.75, abs=0.15)
    assert level.tpr.low <= level.tpr.value <= level.tpr.high
    assert level.fpr.value <= 0.05
