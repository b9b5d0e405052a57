from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from editmill.evaluators import Column, Evaluation, Options, evaluate, report_html
from editmill.evaluators.plot import drop_plot
from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier

QUICK = Options(resamples=200)


@pytest.fixture(scope="module")
def evaluations(dataset: Dataset) -> list[Evaluation]:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return [evaluate(dataset, model, progress=False, options=QUICK) for model in (PixelClassifier(name="oracle"), weak)]


def test_the_plot_has_a_bar_per_drop_inside_its_frame(evaluations: list[Evaluation]) -> None:
    plot = ElementTree.fromstring(drop_plot(evaluations))
    width, height = (float(value) for value in plot.attrib["viewBox"].split()[2:])
    bars = plot.findall(".//rect")
    assert len(bars) == 2 * 5
    for mark in [*bars, *plot.findall(".//text")]:
        assert 0 <= float(mark.attrib["x"]) <= width
        assert 0 <= float(mark.attrib["y"]) <= height
    lengths = [float(bar.attrib["width"]) for bar in bars]
    assert sum(length > 0 for length in lengths) == 1
    zero = next(line for line in plot.iter("line") if line.attrib["class"] == "zero")
    ticks = {text.text: float(text.attrib["x"]) for text in plot.iter("text") if text.attrib.get("class") == "tick"}
    assert float(zero.attrib["x1"]) == ticks["0"]
    longest = max(bars, key=lambda bar: float(bar.attrib["width"]))
    scale = (ticks["+20"] - ticks["0"]) / 20
    assert float(longest.attrib["width"]) == pytest.approx(75 * scale, abs=0.5)


def test_without_drops_there_is_no_plot(dataset: Dataset) -> None:
    evaluation = evaluate(dataset.select(edit="full"), PixelClassifier(), progress=False, options=QUICK)
    assert drop_plot([evaluation]) == ""
    assert "<svg" not in report_html([evaluation])


def test_controls_come_first_and_apart_and_nothing_overlaps(imagenet_e: Dataset) -> None:
    models = [PixelClassifier(name=name, plan=IMAGENET_E) for name in ("one", "two", "<three>")]
    found = [evaluate(imagenet_e, model, progress=False, options=QUICK) for model in models]
    plot = ElementTree.fromstring(drop_plot(found))
    labels = [text for text in plot.iter("text") if text.attrib.get("text-anchor") == "end"]
    assert [label.text for label in labels[:4]] == ["paste-back", "round-trip", "resample", "complexity -20"]
    assert [label.attrib.get("class") for label in labels[:4]] == ["control", "control", "control", None]
    line = next(line for line in plot.iter("line") if line.attrib["class"] == "apart")
    tops = [float(bar.attrib["y"]) for bar in plot.iter("rect")]
    heights = [float(bar.attrib["height"]) for bar in plot.iter("rect")]
    assert len(tops) == 3 * 14
    assert all(top + height < below for top, height, below in zip(tops, heights, tops[1:], strict=False))
    assert tops[8] + heights[8] < float(line.attrib["y1"]) < tops[9]
    opacities = [float(bar.attrib["fill-opacity"]) for bar in plot.iter("rect")]
    assert max(opacities[:9]) < min(opacities[9:])


def test_several_models_have_a_legend_above_the_bars(evaluations: list[Evaluation]) -> None:
    plot = ElementTree.fromstring(drop_plot(evaluations))
    names = {text.text: float(text.attrib["y"]) for text in plot.iter("text")}
    first = min(float(bar.attrib["y"]) for bar in plot.iter("rect"))
    assert names["oracle"] < names["weak"] < first
    fills = [dot.attrib["fill"] for dot in plot.iter("circle")]
    assert fills == [bar.attrib["fill"] for bar in list(plot.iter("rect"))[:2]]
    assert not list(ElementTree.fromstring(drop_plot(evaluations[:1])).iter("circle"))


def test_long_names_of_columns_have_room(evaluations: list[Evaluation]) -> None:
    column = Column("a-very-long-name-of-an-edit-of-somebody")
    renamed = replace(evaluations[0].columns[-1], column=column)
    plot = ElementTree.fromstring(drop_plot([replace(evaluations[0], columns=(renamed,))]))
    label = next(text for text in plot.iter("text") if text.text == column.name)
    assert float(label.attrib["x"]) >= 7 * len(column.name)
    assert all(float(bar.attrib["x"]) >= float(label.attrib["x"]) for bar in plot.iter("rect"))
