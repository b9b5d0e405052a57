from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from editmill.evaluators import Evaluation, Options, evaluate, to_csv, to_document, to_json, to_text
from editmill.manifests import Dataset, RequestError
from tests.evaluators.builder import IMAGENET_E, PixelClassifier

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


def test_text_names_acceptance_and_the_control_of_each_net_drop(imagenet_e: Dataset) -> None:
    text = to_text([evaluate(imagenet_e, PixelClassifier(plan=IMAGENET_E), progress=False, options=QUICK)])
    cells = {
        line.split("  ")[0]: line.split(" | ")[0].split()[-4:]
        for line in text[: text.index("mean drop")].splitlines()[5:-1]
    }
    assert cells["original"] == ["100.0", "12", "-", "-"]
    assert cells["complexity -20"] == ["100.0", "12", "12", "round-trip"]
    assert cells["background"][-1] == "round-trip"
    assert cells["position 0.05"][-1] == "paste-back"
    assert {"round-trip", "resample"} <= cells.keys()


def test_text_ends_with_sources_strata_and_orders(imagenet_e: Dataset, evaluations: list[Evaluation]) -> None:
    text = to_text([evaluate(imagenet_e, PixelClassifier(plan=IMAGENET_E), progress=False, options=QUICK)])
    assert (
        "sources: 12 sources with an unedited sample, median object 6.5 % of the frame, 83.3 % judged, "
        "median margin of the judge 0.225\n" in text
    )
    small = next(line for line in text.splitlines() if line.startswith("size: small"))
    assert small.split() == ["size:", "small", "4", "1.0", "to", "4.0", "%", "|", "100.0", "0.0", "[0.0,", "0.0]"]
    assert "margin: easy" in text
    assert "pixels: complexity -20 < complexity +20 < adversarial +20: ordered as published: unclear" in text
    # Eight sources are too few to split.
    assert "thirds of the sources" not in to_text(evaluations)
