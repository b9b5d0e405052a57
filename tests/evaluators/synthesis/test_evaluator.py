from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from editmill.evaluators import evaluate, evaluator_of, render, report
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation, evaluate_synthesis
from editmill.manifests import DataError, RequestError
from tests.evaluators.builder import PixelClassifier, build, named, quick
from tests.evaluators.synthesis.builder import PLAN, RECIPE, build_synthesis


def classifier(name: str, wrong: int) -> PixelClassifier:
    """Wrong on the first so many sources of the control, and on twice as many of ``text``."""
    worse = {"original": wrong, "text": 2 * wrong}
    return PixelClassifier(lambda number, edit, replica: number < worse.get(edit, 0), name, plan=PLAN)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> SynthesisEvaluation:
    dataset = build_synthesis(tmp_path_factory.mktemp("synthesis"))
    models = named(classifier("good", 0), classifier("fair", 2), classifier("poor", 4), classifier("bad", 5))
    return evaluate_synthesis(dataset, models, quick())


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
    assert len(evaluation.robustness) == 4 * 3
    assert {one.baselines for one in evaluation.robustness} == {3}


def test_the_text_lists_warnings_holes_and_gates(evaluation: SynthesisEvaluation) -> None:
    text = render(report(evaluation), "text")
    for words in (
        "34 of 36 quotas",
        "warning: 34 of 36",
        "Effective robustness",
        "Holes",
        "geometry_off",
        "all generated",
    ):
        assert words in text
    assert "not calibrated" not in text


def test_json_and_csv(evaluation: SynthesisEvaluation) -> None:
    document = json.loads(render(report(evaluation), "json"))
    assert document["kind"] == "editmill.synthesis_evaluation"
    assert document["filling"][-1]["filled"] == 34
    assert [hole["missing"] for hole in document["holes"]] == [2] or sum(
        hole["missing"] for hole in document["holes"]
    ) == 2
    rows = list(csv.DictReader(io.StringIO(render(report(evaluation), "csv"))))
    assert [row["conditioning"] for row in rows[:4]] == ["original", "text", "image", "all generated"]
    assert (rows[0]["planned"], rows[1]["planned"]) == ("", "12")


def test_html_needs_nothing_beside_it(evaluation: SynthesisEvaluation) -> None:
    pytest.importorskip("matplotlib")
    page = render(report(evaluation), "html")
    assert page.startswith("<!DOCTYPE html>")
    assert "src=" not in page
    assert "Quotas and acceptance" in page


def test_warnings_of_missing_calibration_and_of_surrogates(tmp_path: Path) -> None:
    dataset = build_synthesis(tmp_path)
    recipe = {**RECIPE, "calibration": None, "generator": {"selection": {"mode": "surrogate"}}}
    dataset.manifest = dataset.manifest.model_copy(update={"recipe": recipe})
    warnings = " ".join(evaluate_synthesis(dataset, named(classifier("good", 0)), quick()).warnings)
    for words in (
        "not calibrated",
        "no surrogates",
        "no effective robustness of good: it needs 3 baselines",
        "0 other models",
    ):
        assert words in warnings


def test_other_datasets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="synthesis"):
        evaluate_synthesis(build(tmp_path), [], quick())


def test_models_of_one_name_keep_their_own_robustness(tmp_path: Path, evaluation: SynthesisEvaluation) -> None:
    models = named(*(classifier("classifier", wrong) for wrong in (0, 2, 4, 5)))
    found = evaluate_synthesis(build_synthesis(tmp_path), models, quick())
    assert [one.model for one in found.models] == ["classifier", "classifier-2", "classifier-3", "classifier-4"]
    effective, apart = (
        [row["effective_robustness"] for row in report(one).rows if row["conditioning"] == "text"]
        for one in (found, evaluation)
    )
    assert len(set(effective)) == 4
    assert effective == apart


def test_holes_are_remarks_on_a_finished_dataset(tmp_path: Path) -> None:
    dataset = build_synthesis(tmp_path, rejected=((0, "text"), (2, "text")))
    remarks = evaluator_of(dataset.manifest).remarks(dataset)
    rejected = [row["class_name"] for row in dataset.table.to_pylist() if row["status"] == "rejected"]
    assert len(set(rejected)) == 2
    assert sorted(remarks) == [f"hole: {name}, text: 1 of 4 missing (geometry_off)" for name in sorted(rejected)]
    assert evaluator_of(build(tmp_path / "other", sources=2).manifest).remarks(dataset) == []


def test_named_baselines_judge_and_are_not_judged(tmp_path: Path) -> None:
    models = named(*(classifier(name, wrong) for name, wrong in (("judged", 1), ("a", 0), ("b", 2), ("c", 4))))
    models = [replace(model, baseline=model.name != "judged") for model in models]
    dataset = build_synthesis(tmp_path)
    found = evaluate(dataset, models, options=quick())
    assert [(one.model, one.conditioning, one.baselines) for one in found.robustness] == [
        ("judged", name, 3) for name in ("text", "image", "")
    ]
    text = render(report(found), "text")
    assert "fitted to the baselines a, b, c" in text
    assert "no effective robustness" not in text
    fewer = evaluate(dataset, models[:3], options=quick())
    assert fewer.robustness == ()
    assert any("of judged: it needs 3 baselines" in line and "2 named" in line for line in fewer.warnings)
    with pytest.raises(RequestError, match="no model to measure"):
        evaluate(dataset, models[1:], options=quick())
    with pytest.raises(RequestError, match="attribute datasets takes no baselines"):
        evaluate(build(tmp_path / "other"), models, options=quick())


def test_drops_are_paired_by_picture_or_by_class(evaluation: SynthesisEvaluation) -> None:
    bad = evaluation.models[3].comparisons
    assert list(bad) == ["text", "image"]
    # Two pictures from each, all right; five of twelve controls are wrong.
    image = bad["image"]
    assert (image.by, image.drop.n, image.drop.value) == ("picture", 12, pytest.approx(-5 / 12))
    assert (image.lost, image.gained) == (None, None)
    rows = [row for row in report(evaluation).rows if row["model"] == "bad"]
    assert [row.get("pairs") for row in rows] == [None, bad["text"].drop.n, 12, None]
    assert [row.get("p_holm") for row in rows] == [None, bad["text"].p_holm, image.p_holm, None]
    text = render(report(evaluation), "text")
    assert "Holm-corrected over the model's conditionings" in text
