from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from evaluators import Evaluation, Options, evaluate, to_csv, to_document, to_json, to_text
from evaluators.tables import p_text, percent, points
from manifests import Dataset, RequestError, canonical_json
from tests.evaluators.builder import PixelClassifier

QUICK = Options(resamples=200)


@pytest.fixture(scope="module")
def evaluations(dataset: Dataset) -> list[Evaluation]:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return [evaluate(dataset, model, progress=False, options=QUICK) for model in (PixelClassifier(name="oracle"), weak)]


def test_text_has_a_row_per_column_and_aligned_blocks_per_model(evaluations: list[Evaluation]) -> None:
    text = to_text(evaluations)
    lines = text.splitlines()
    table = [line for line in lines if " | " in line]
    assert [line.split("  ")[0] for line in table[2:]] == [
        *("original", "paste-back", "size 0.1", "size 0.05", "background", "full", "mean drop")
    ]
    assert "oracle" in table[0]
    assert "weak" in table[0]
    bars = {tuple(index for index, letter in enumerate(line) if letter == "|") for line in table}
    assert len(bars) == 1
    oracle, weak = (part.split() for part in table[7].split(" | ")[1:])
    assert oracle[0] == "100.0"
    assert "0/0" in oracle
    assert weak[0] == "25.0"
    assert {"+75.0", "6/0", "0.125"} <= set(weak)
    assert lines[0].startswith("tiny 1.0.0  fingerprint ffffffffffff")


def test_a_long_model_name_keeps_the_columns_aligned(evaluations: list[Evaluation]) -> None:
    named = [replace(evaluation, model=f"{evaluation.model}-{'x' * 120}") for evaluation in evaluations]
    table = [line for line in to_text(named).splitlines() if " | " in line]
    assert {line.count("|") for line in table} == {2}
    assert len({line.index("|", 30) for line in table}) == 1


def test_csv_reads_back_with_the_same_numbers(evaluations: list[Evaluation]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(evaluations))))
    assert len(rows) == 12
    full = next(row for row in rows if row["model"] == "weak" and row["edit"] == "full")
    result = evaluations[1].columns[-1]
    assert result.comparison is not None
    assert float(full["drop"]) == result.comparison.drop.value == 0.75
    assert float(full["accuracy_low"]) == result.accuracy.low
    assert (full["lost"], full["gained"], full["pairs"], full["control"]) == ("6", "0", "8", "0")
    original = rows[0]
    assert (original["edit"], original["drop"], original["p_value"], original["control"]) == ("original", "", "", "1")


def test_json_is_canonical_and_holds_what_the_module_promises(evaluations: list[Evaluation]) -> None:
    data = to_json(evaluations)
    document = json.loads(data)
    assert canonical_json(document) + b"\n" == data
    assert document["schema_version"] == 1
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
        *("edit", "level", "name", "control", "samples", "sources", "correct", "accuracy", "comparison", "net_drop")
    }
    assert set(full["comparison"]) == {"drop", "original_accuracy", "lost", "gained", "p_value", "p_holm"}
    assert set(full["accuracy"]) == {"value", "low", "high", "n"}
    assert document["models"][1]["columns"][0]["comparison"] is None
    assert document["warnings"]


def test_equal_evaluations_give_equal_bytes(dataset: Dataset, evaluations: list[Evaluation]) -> None:
    again = evaluate(dataset, PixelClassifier(name="oracle"), batch_size=3, progress=False, options=QUICK)
    assert to_json([again]) == to_json(evaluations[:1])


def test_without_unedited_samples_the_tables_have_gaps(dataset: Dataset) -> None:
    evaluation = evaluate(dataset.select(edit=["size", "full"]), PixelClassifier(), progress=False, options=QUICK)
    assert to_document([evaluation])["models"][0]["mean_drop"] is None
    assert [line.split()[-1] for line in to_text([evaluation]).splitlines() if line.startswith("mean drop")] == ["-"]
    assert all(row["drop"] == "" for row in csv.DictReader(io.StringIO(to_csv([evaluation]))))


def test_only_evaluations_of_the_same_samples_stand_side_by_side(
    dataset: Dataset, evaluations: list[Evaluation]
) -> None:
    part = evaluate(dataset.select(source_id="img000"), PixelClassifier(), progress=False, options=QUICK)
    with pytest.raises(RequestError, match="different samples"):
        to_text([evaluations[0], part])
    other = replace(evaluations[0], options=Options(resamples=201))
    with pytest.raises(RequestError, match="different datasets or options"):
        to_csv([evaluations[0], other])
    with pytest.raises(RequestError, match="at least one"):
        to_json([])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+25.0"), (-0.25, "-25.0"), (0.0, "0.0"), (0.0004, "0.0"), (-0.0004, "0.0"), (0.0006, "+0.1")],
)
def test_points_carry_a_sign_unless_they_round_to_zero(value: float, text: str) -> None:
    assert points(value) == text


def test_small_numbers_are_written_plainly() -> None:
    assert (p_text(None), p_text(0.0004), p_text(0.0316), p_text(1.0)) == ("-", "<0.001", "0.032", "1.000")
    assert percent(2 / 3) == "66.7"
