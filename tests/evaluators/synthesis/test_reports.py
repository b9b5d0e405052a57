from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from editmill.evaluators.synthesis import (
    evaluate_synthesis,
    synthesis_csv,
    synthesis_html,
    synthesis_json,
    synthesis_text,
)
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation
from editmill.manifests import DataError
from tests.evaluators.builder import PixelClassifier, build
from tests.evaluators.synthesis.builder import PLAN, RECIPE, build_synthesis


def classifier(name: str, wrong: int) -> PixelClassifier:
    """Wrong on the first so many sources of the control, and on twice as many of ``text``."""
    worse = {"original": wrong, "text": 2 * wrong}
    return PixelClassifier(lambda number, edit, replica: number < worse.get(edit, 0), name, plan=PLAN)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> SynthesisEvaluation:
    dataset = build_synthesis(tmp_path_factory.mktemp("synthesis"))
    return evaluate_synthesis(
        dataset, [classifier("good", 0), classifier("fair", 2), classifier("poor", 4)], progress=False
    )


def test_accuracy_by_conditioning(evaluation: SynthesisEvaluation) -> None:
    fair = evaluation.models[1]
    assert {name: (one.correct, one.n) for name, one in fair.accuracy.items()} == {
        "original": (10, 12),
        "text": (8, 10),
        "image": (24, 24),
    }
    assert fair.generated is not None
    assert (fair.generated.correct, fair.generated.n) == (32, 34)
    assert sum(one.n for one in fair.classes["text"].values()) == 10
    assert len(evaluation.robustness) == 3 * 3


def test_the_text_lists_warnings_holes_and_gates(evaluation: SynthesisEvaluation) -> None:
    text = synthesis_text(evaluation)
    for words in (
        "34 of 36 quotas",
        "warning: 34 of 36",
        "effective robustness",
        "holes",
        "geometry_off",
        "all generated",
    ):
        assert words in text
    assert "not calibrated" not in text


def test_json_and_csv(evaluation: SynthesisEvaluation) -> None:
    document = json.loads(synthesis_json(evaluation))
    assert document["kind"] == "editmill.synthesis_evaluation"
    assert document["filling"][-1]["filled"] == 34
    assert [hole["missing"] for hole in document["holes"]] == [2] or sum(
        hole["missing"] for hole in document["holes"]
    ) == 2
    rows = list(csv.DictReader(io.StringIO(synthesis_csv(evaluation))))
    assert [row["conditioning"] for row in rows[:4]] == ["original", "text", "image", "all generated"]
    assert (rows[0]["planned"], rows[1]["planned"]) == ("", "12")


def test_html_needs_nothing_beside_it(evaluation: SynthesisEvaluation) -> None:
    page = synthesis_html(evaluation)
    assert page.startswith("<!DOCTYPE html>")
    assert "src=" not in page
    assert "quotas and acceptance" in page


def test_warnings_of_missing_calibration_and_of_surrogates(tmp_path: Path) -> None:
    dataset = build_synthesis(tmp_path)
    recipe = {**RECIPE, "calibration": None, "generator": {"selection": {"mode": "surrogate"}}}
    dataset.manifest = dataset.manifest.model_copy(update={"recipe": recipe})
    warnings = " ".join(evaluate_synthesis(dataset, [classifier("good", 0)], progress=False).warnings)
    for words in ("not calibrated", "no surrogates", "needs 3 models"):
        assert words in warnings


def test_other_datasets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="synthesis"):
        evaluate_synthesis(build(tmp_path), [], progress=False)
