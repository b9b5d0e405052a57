"""Names of models under test, and requests that make no sense."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.evaluators import EvaluatedModel, Options, evaluate, load_models, render, report
from editmill.evaluators.base import name_apart
from editmill.evaluators.registry import EVALUATORS
from editmill.manifests import Dataset, RequestError
from editmill.manifests.weights import weights_digest
from tests.evaluators.builder import PixelClassifier, build, named

WEIGHTS = Path(__file__).parents[2] / "packs" / "tabletop" / "weights"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a-2", "a-3"]),
        (["a", "a", "a-2"], ["a", "a-3", "a-2"]),
        (["a-2", "a", "a", "a-2"], ["a-2", "a", "a-3", "a-2-2"]),
        ([], []),
    ],
)
def test_of_equal_names_the_second_gets_a_number(names: list[str], wanted: list[str]) -> None:
    assert [model.name for model in name_apart([EvaluatedModel(name, None) for name in names])] == wanted


@given(st.lists(st.sampled_from(["a", "a-2", "a-2-2", "b"]), max_size=8))
def test_names_are_unique_and_stay_so(names: list[str]) -> None:
    once = name_apart([EvaluatedModel(name, number) for number, name in enumerate(names)])
    assert len({model.name for model in once}) == len(names)
    assert [model.model for model in once] == list(range(len(names)))
    assert name_apart(once) == once


def test_two_folders_of_one_name_are_two_models(tmp_path: Path, dataset: Dataset) -> None:
    folders = [tmp_path / side / "classifier" for side in ("left", "right")]
    for folder, weights in zip(folders, ("classifier", "classifier_weak"), strict=True):
        shutil.copytree(WEIGHTS / weights, folder)
    models = load_models(dataset, [f"transformers:{folder}" for folder in folders], device="cpu")
    assert [model.name for model in models] == ["transformers:classifier", "transformers:classifier-2"]
    assert [model.digest for model in models] == [weights_digest(folder) for folder in folders]
    assert [model.id for model in models] == ["left/classifier", "right/classifier"]


def test_models_that_were_made_elsewhere_get_names_of_their_own(dataset: Dataset) -> None:
    twins = named(PixelClassifier(), PixelClassifier(lambda number, edit, replica: edit == "full"))
    result = evaluate(dataset, twins, options=Options(progress=False, resamples=10))
    rows = report(result).rows
    found = {row["model"]: row["accuracy"] for row in rows if row["edit"] == "full"}
    assert found == {"pixels": 1, "pixels-2": 0}
    assert "pixels-2" in render(report(result), "html")


def test_models_are_named_or_loaded(dataset: Dataset, module_folder: Path) -> None:
    (module_folder / "my_model.py").write_text("def zeros(images):\n    return [0] * len(images)\n")
    models = ["my_model:zeros", *named(PixelClassifier())]
    result = evaluate(dataset, models, options=Options(progress=False, resamples=10))
    assert [model.model for model in result.models] == ["my_model:zeros", "pixels"]


@pytest.mark.parametrize("family", ["attribute", "text", "fmr", "synthesis"])
def test_nothing_is_measured_without_a_model(family: str, tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=2)
    dataset.manifest = dataset.manifest.model_copy(update={"generator": family})
    with pytest.raises(RequestError, match="no model to measure") as caught:
        evaluate(dataset)
    assert caught.value.where == "--model"


@pytest.mark.parametrize(
    ("family", "options", "refused"),
    [
        ("attribute", Options(confidence=0.9, resamples=5, seed=1), ""),
        ("attribute", Options(images=Path("photos")), "images"),
        ("text", Options(images=Path("photos"), resamples=5), ""),
        ("text", Options(seed=1), "seed"),
        ("fmr", Options(confidence=0.9), "confidence"),
        ("watermark", Options(resamples=5, seed=1, batch_size=1, progress=False), ""),
        ("synthesis", Options(confidence=0.9), "confidence"),
    ],
)
def test_options_that_would_change_nothing_are_refused(family: str, options: Options, refused: str) -> None:
    models = named(PixelClassifier())
    if not refused:
        EVALUATORS.get(family).check_request(models, options)
        return
    with pytest.raises(RequestError, match=f"evaluation of {family} datasets does not take the option '{refused}'"):
        EVALUATORS.get(family).check_request(models, options)
