"""The tables as text, and what goes with them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from editmill.evaluators import EvaluatedModel, Options, evaluate, render, report
from editmill.evaluators.attribute.evaluation import AttributeEvaluation
from editmill.manifests import Dataset, RequestError
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, drops


def to_text(evaluation: AttributeEvaluation) -> str:
    return render(report(evaluation), "text")


def table_of(text: str, title: str) -> list[str]:
    """The lines of a table, without its title and its notes."""
    lines = text[text.index(f"\n{title}\n") :].splitlines()[2:]
    return [line for line in lines[: (*lines, "").index("")] if " | " in line]


@pytest.fixture(scope="module")
def evaluation(dataset: Dataset) -> AttributeEvaluation:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return drops(dataset, PixelClassifier(name="oracle"), weak)


def test_text_has_a_row_per_column_and_aligned_blocks_per_model(evaluation: AttributeEvaluation) -> None:
    text = to_text(evaluation)
    lines = text.splitlines()
    table = table_of(text, "Accuracy by edit")
    assert [line.split("  ")[0] for line in table[2:]] == [
        *("original", "paste-back", "size 0.1", "size 0.05", "background", "full", "mean drop")
    ]
    assert "oracle" in table[0]
    assert "weak" in table[0]
    bars = {tuple(index for index, letter in enumerate(line) if letter == "|") for line in table}
    assert len(bars) == 1
    oracle, weak = (part.split() for part in table[7].split(" | ")[1:])
    assert oracle[0] == "100.0"
    assert weak[0] == "25.0"
    assert {"+75.0", "6", "0.125"} <= set(weak)
    assert lines[0].startswith("tiny 1.0.0, fingerprint ffffffffffff")


def test_a_long_model_name_keeps_the_columns_aligned(evaluation: AttributeEvaluation) -> None:
    models = tuple(replace(model, model=f"{model.model}-{'x' * 120}") for model in evaluation.models)
    table = table_of(to_text(replace(evaluation, models=models)), "Accuracy by edit")
    assert {line.count("|") for line in table} == {2}
    assert len({line.index("|", 30) for line in table}) == 1


def test_without_unedited_samples_the_tables_have_gaps(dataset: Dataset) -> None:
    found = report(drops(dataset.select(edit=["size", "full"]), PixelClassifier()))
    assert found.document["models"][0]["mean_drop"] is None
    text = render(found, "text")
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("mean drop")] == ["-"]
    assert all(row["drop"] == "" for row in csv.DictReader(io.StringIO(render(found, "csv"))))


def test_an_evaluation_needs_a_model_and_options_that_it_takes(dataset: Dataset) -> None:
    with pytest.raises(RequestError, match="no model to measure"):
        evaluate(dataset)
    with pytest.raises(RequestError, match="does not take the option 'images'"):
        evaluate(dataset, [EvaluatedModel("any", PixelClassifier())], options=Options(images=Path("photos")))


def test_text_names_acceptance_and_the_control_of_each_net_drop(imagenet_e: Dataset) -> None:
    text = to_text(drops(imagenet_e, PixelClassifier(plan=IMAGENET_E)))
    cells = {
        line.split("  ")[0]: line.split(" | ")[0].split()[-4:] for line in table_of(text, "Accuracy by edit")[2:-1]
    }
    assert cells["original"] == ["100.0", "12", "-", "-"]
    assert cells["complexity -20"] == ["100.0", "12", "12", "round-trip"]
    assert cells["background"][-1] == "round-trip"
    assert cells["position 0.05"][-1] == "paste-back"
    assert {"round-trip", "resample"} <= cells.keys()


def test_text_ends_with_sources_strata_and_orders(imagenet_e: Dataset, evaluation: AttributeEvaluation) -> None:
    text = to_text(drops(imagenet_e, PixelClassifier(plan=IMAGENET_E)))
    assert (
        "sources: 12 sources with an unedited sample, median object 6.5 % of the frame, 83.3 % judged, "
        "median margin of the judge 0.225\n" in text
    )
    small = next(line for line in text.splitlines() if line.startswith("size: small"))
    assert small.split() == ["size:", "small", "4", "1.0", "to", "4.0", "%", "|", "100.0", "0.0", "[-66.6,", "+66.6]"]
    assert "margin: easy" in text
    assert "pixels: complexity -20 < complexity +20 < adversarial +20: ordered as published: unclear" in text
    # Eight sources are too few to split.
    assert "thirds of the sources" not in to_text(evaluation)
