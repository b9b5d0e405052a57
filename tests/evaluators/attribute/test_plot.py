from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from editmill.evaluators import render, report
from editmill.evaluators.attribute.columns import Column
from editmill.evaluators.attribute.evaluation import AttributeEvaluation
from editmill.evaluators.attribute.sections import drop_plot
from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, drops


def drawn(evaluation: AttributeEvaluation) -> ElementTree.Element:
    """The plot, its tags without their name space."""
    return ElementTree.fromstring(drop_plot(evaluation).replace(' xmlns="http://www.w3.org/2000/svg"', ""))


@pytest.fixture(scope="module")
def evaluation(dataset: Dataset) -> AttributeEvaluation:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return drops(dataset, PixelClassifier(name="oracle"), weak)


def test_the_plot_has_a_bar_per_drop_inside_its_frame(evaluation: AttributeEvaluation) -> None:
    plot = drawn(evaluation)
    width, height = (float(value) for value in plot.attrib["viewBox"].split()[2:])
    bars = plot.findall(".//rect")
    assert len(bars) == 2 * 5
    for mark in [*bars, *plot.findall(".//text")]:
        assert 0 <= float(mark.attrib["x"]) <= width
        assert 0 <= float(mark.attrib["y"]) <= height
    lengths = [float(bar.attrib["width"]) for bar in bars]
    assert sum(length > 0 for length in lengths) == 1
    zero = next(line for line in plot.iter("line") if line.attrib.get("class") == "zero")
    ticks = {text.text: float(text.attrib["x"]) for text in plot.iter("text") if text.attrib.get("class") == "tick"}
    assert float(zero.attrib["x1"]) == ticks["0"]
    longest = max(bars, key=lambda bar: float(bar.attrib["width"]))
    scale = (ticks["+20"] - ticks["0"]) / 20
    assert float(longest.attrib["width"]) == pytest.approx(75 * scale, abs=0.5)


def test_without_drops_there_is_no_plot(dataset: Dataset) -> None:
    evaluation = drops(dataset.select(edit="full"))
    assert drop_plot(evaluation) == ""
    assert "<svg" not in render(report(evaluation), "html")


def test_controls_come_first_and_apart_and_nothing_overlaps(imagenet_e: Dataset) -> None:
    models = [PixelClassifier(name=name, plan=IMAGENET_E) for name in ("one", "two", "<three>")]
    found = drops(imagenet_e, *models)
    plot = drawn(found)
    labels = [text for text in plot.iter("text") if text.attrib.get("text-anchor") == "end"]
    assert [label.text for label in labels[:4]] == ["paste-back", "round-trip", "resample", "complexity -20"]
    assert [label.attrib.get("class") for label in labels[:4]] == ["control", "control", "control", None]
    line = next(line for line in plot.iter("line") if line.attrib.get("class") == "apart")
    tops = [float(bar.attrib["y"]) for bar in plot.iter("rect")]
    heights = [float(bar.attrib["height"]) for bar in plot.iter("rect")]
    assert len(tops) == 3 * 14
    assert all(top + height < below for top, height, below in zip(tops, heights, tops[1:], strict=False))
    assert tops[8] + heights[8] < float(line.attrib["y1"]) < tops[9]
    opacities = [float(bar.attrib["fill-opacity"]) for bar in plot.iter("rect")]
    assert max(opacities[:9]) < min(opacities[9:])


def test_several_models_have_a_legend_above_the_bars(evaluation: AttributeEvaluation) -> None:
    plot = drawn(evaluation)
    names = {text.text: float(text.attrib["y"]) for text in plot.iter("text")}
    first = min(float(bar.attrib["y"]) for bar in plot.iter("rect"))
    assert names["oracle"] < names["weak"] < first
    colours = [line.attrib["stroke"] for line in plot.iter("line") if line.attrib.get("class") == "legend"]
    assert colours == [bar.attrib["fill"] for bar in list(plot.iter("rect"))[:2]]
    alone = drawn(replace(evaluation, models=evaluation.models[:1]))
    assert not [line for line in alone.iter("line") if line.attrib.get("class") == "legend"]


def test_long_names_of_columns_have_room(evaluation: AttributeEvaluation) -> None:
    column = Column("a-very-long-name-of-an-edit-of-somebody")
    renamed = replace(evaluation.models[0].columns[-1], column=column)
    plot = drawn(replace(evaluation, models=(replace(evaluation.models[0], columns=(renamed,)),)))
    label = next(text for text in plot.iter("text") if text.text == column.name)
    assert float(label.attrib["x"]) >= 7 * len(column.name)
    assert all(float(bar.attrib["x"]) >= float(label.attrib["x"]) for bar in plot.iter("rect"))
