"""The results for machines: CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from editmill.evaluators import render, report
from editmill.evaluators.attribute.evaluation import AttributeEvaluation, evaluate_attribute
from editmill.manifests import Dataset, canonical_json
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, drops, named, quick


def classifiers() -> tuple[PixelClassifier, PixelClassifier]:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return PixelClassifier(name="oracle"), weak


@pytest.fixture(scope="module")
def evaluation(dataset: Dataset) -> AttributeEvaluation:
    return drops(dataset, *classifiers())


def test_csv_reads_back_with_the_same_numbers(evaluation: AttributeEvaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(render(report(evaluation), "csv"))))
    assert len(rows) == 12
    full = next(row for row in rows if row["model"] == "weak" and row["edit"] == "full")
    result = evaluation.models[1].columns[-1]
    assert result.comparison is not None
    assert float(full["drop"]) == result.comparison.drop.value == 0.75
    assert float(full["accuracy_low"]) == result.accuracy.low
    assert (full["lost"], full["gained"], full["pairs"], full["control"]) == ("6", "0", "8", "0")
    assert (full["planned"], full["acceptance"], full["net_control"]) == ("8", "1.0", "paste-back")
    original = rows[0]
    assert (original["edit"], original["drop"], original["p_value"], original["control"]) == ("original", "", "", "1")
    assert original["net_control"] == ""


def test_json_is_canonical_and_holds_what_the_module_promises(evaluation: AttributeEvaluation) -> None:
    data = render(report(evaluation), "json")
    document = json.loads(data)
    assert canonical_json(document).decode() + "\n" == data
    assert document["schema_version"] == 2
    assert document["kind"] == "editmill.evaluation"
    assert document["dataset"] == {
        "name": "tiny",
        "version": "1.0.0",
        "fingerprint": "f" * 64,
        "generator": "attribute",
    }
    assert document["options"] == {"confidence": 0.95, "resamples": 200, "seed": 0}
    assert [model["model"] for model in document["models"]] == ["oracle", "weak"]
    assert document["models"][1]["samples"] == 56
    full = document["models"][1]["columns"][-1]
    assert set(full) == {
        *("edit", "level", "name", "control", "planned", "acceptance", "samples", "sources", "correct", "accuracy"),
        *("comparison", "net_drop", "net_control"),
    }
    assert (full["planned"], full["acceptance"], full["net_control"]) == (8, 1.0, "paste-back")
    assert document["sources"] == {"count": 8, "median_area": 0.0, "median_margin": None, "judged": 0.0}
    assert set(full["comparison"]) == {"drop", "original_accuracy", "lost", "gained", "p_value", "p_holm"}
    assert set(full["accuracy"]) == {"value", "low", "high", "n"}
    assert document["models"][1]["columns"][0]["comparison"] is None
    assert document["warnings"]


def test_equal_evaluations_give_equal_reports_whatever_the_batches(
    dataset: Dataset, evaluation: AttributeEvaluation
) -> None:
    again = evaluate_attribute(dataset, named(*classifiers()), replace(quick(), batch_size=3))
    for form in ("text", "csv", "json", "html"):
        assert render(report(again), form) == render(report(evaluation), form)


def test_strata_and_orders_are_in_the_document_as_it_promises(imagenet_e: Dataset) -> None:
    classifier = PixelClassifier(plan=IMAGENET_E)
    document = report(drops(imagenet_e, classifier)).document
    assert document["sources"] == {
        "count": 12,
        "median_area": pytest.approx(0.065),
        "median_margin": pytest.approx(0.225),
        "judged": pytest.approx(10 / 12),
    }
    model = document["models"][0]
    assert [(stratum["by"], stratum["name"], stratum["sources"]) for stratum in model["strata"]] == [
        *(("size", "small", 4), ("size", "middle", 4), ("size", "large", 4)),
        *(("margin", "hard", 4), ("margin", "middle", 3), ("margin", "easy", 3)),
    ]
    fields = {"by", "name", "sources", "low", "high", "original_accuracy", "mean_drop"}
    assert all(set(stratum) == fields for stratum in model["strata"])
    backgrounds, geometry = model["orders"]
    assert set(backgrounds) == {"name", "verdict", "steps"}
    assert [(step["easier"], step["harder"], step["verdict"]) for step in geometry["steps"]] == [
        ("size 0.1", "size 0.08", "unclear"),
        ("size 0.08", "size 0.05", "unclear"),
        ("size 0.05", "position 0.05", "unclear"),
    ]
    assert canonical_json(document)
