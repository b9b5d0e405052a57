from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from editmill.evaluators import load_classifier
from editmill.manifests import Dataset, ModelError
from tests.evaluators.adapters.images import make_images
from tests.evaluators.builder import drops

numbers = count()

SOURCE = """
import numpy as np

def function(images):
    return np.array([image.shape[0] for image in images])

def as_list(images):
    return [int(image[0, 0, 0]) for image in images]

class Model:
    def predict(self, images):
        return np.full(len(images), 7, dtype=np.int32)

class Needy:
    def __init__(self, path):
        self.path = path

def factory(size=3):
    return Model()

def nothing():
    return 3

def broken():
    raise RuntimeError("no weights today\\nof any kind")

def two(images, labels):
    return images

def floats(images):
    return np.zeros(len(images))

def short(images):
    return np.zeros(1, dtype=int)

def ragged(images):
    return [[0], [0, 1]]

def none(images):
    return None

def fails(images):
    return helper(images)

def helper(images):
    return np.stack(images).sum(axis=9)

model = Model()
constant = 5
"""


@pytest.fixture
def module(module_folder: Path) -> str:
    name = f"user_models_{next(numbers)}"
    (module_folder / f"{name}.py").write_text(SOURCE)
    return name


@pytest.mark.parametrize("attribute", ["Model", "factory", "model"])
def test_classes_factories_and_objects_predict(module: str, attribute: str) -> None:
    classifier = load_classifier(f"{module}:{attribute}")
    labels = classifier.predict(make_images(3))
    assert labels.dtype == np.int64
    assert labels.tolist() == [7, 7, 7]
    assert classifier.name == f"{module}:{attribute}"


def test_a_function_of_images_predicts(module: str) -> None:
    images = make_images(3)
    assert load_classifier(f"{module}:function").predict(images).tolist() == [image.shape[0] for image in images]
    assert load_classifier(f"{module}:model.predict").predict(images).tolist() == [7, 7, 7]


def test_a_function_evaluates_a_dataset(module: str, dataset: Dataset) -> None:
    evaluation = drops(dataset, load_classifier(f"{module}:as_list"), resamples=10).models[0]
    assert all(column.accuracy.value == 1 for column in evaluation.columns)


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ("absent", "has no 'absent'"),
        ("model.absent", "has no 'model.absent'"),
        ("constant", "is a int, not a function"),
        ("two", "takes neither no argument nor one"),
        ("Needy", "takes neither no argument nor one"),
        ("nothing", "without a method predict"),
        ("broken", r"RuntimeError: no weights today\n  where"),
    ],
)
def test_what_is_no_classifier_is_refused(module: str, attribute: str, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        load_classifier(f"{module}:{attribute}")


@pytest.mark.parametrize("attribute", ["floats", "short", "none"])
def test_answers_that_are_no_labels_are_refused(module: str, attribute: str) -> None:
    with pytest.raises(ModelError, match=rf"{attribute} returned .* for 3 images"):
        load_classifier(f"{module}:{attribute}").predict(make_images(3))


def test_an_answer_that_is_no_array_is_refused(module: str) -> None:
    with pytest.raises(ModelError, match="ragged returned a list that is not an array"):
        load_classifier(f"{module}:ragged").predict(make_images(2))


def test_a_function_that_fails_is_named_with_its_line(module: str, caplog: pytest.LogCaptureFixture) -> None:
    images = [make_images(1)[0]] * 2
    with (
        caplog.at_level("INFO", "editmill"),
        pytest.raises(ModelError, match=rf"{module}:fails failed on 2 images: AxisError: axis 9") as caught,
    ):
        load_classifier(f"{module}:fails").predict(images)
    line = SOURCE.splitlines().index("    return np.stack(images).sum(axis=9)") + 1
    assert caught.value.where.endswith(f"{module}.py:{line}")
    assert "RGB images" in caught.value.fix
    assert "Traceback" in caplog.text


def test_a_missing_module_is_told_from_its_missing_requirement(module_folder: Path) -> None:
    (module_folder / "needs_more.py").write_text("import no_such_requirement\n")
    (module_folder / "fails.py").write_text("1 / 0\n")
    cases = {
        "no_such_module:f": "neither a kind of model nor a module",
        "tests.no_such_module:f": "neither a kind of model nor a module",
        "needs_more:f": "needs 'no_such_requirement'",
        "fails:f": "ZeroDivisionError",
    }
    for spec, text in cases.items():
        with pytest.raises(ModelError, match=text):
            load_classifier(spec)
