"""What plots show, and that drawing them is safe and gives equal bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from editmill.evaluators.attribute.columns import Column
from editmill.evaluators.attribute.evaluation import AttributeEvaluation
from editmill.evaluators.attribute.sections import drop_plot
from editmill.evaluators.plots import Curve, CurvePlot, Distribution, DistributionPlot, Mark, Panel, Plot, draw
from editmill.evaluators.statistics import Estimate
from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, drops

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>$x^2$ & "y"</script>'
CURVES = CurvePlot(HOSTILE, "in %", [Panel(HOSTILE, [Curve(HOSTILE, [Mark(0, 50, 40, 60, HOSTILE)])], [(0, HOSTILE)])])
SCORES = DistributionPlot("Scores", [Distribution(HOSTILE, [0, 0.5, 1], [3, 1], [0, 2], [(0.4, "label")])])


def drawn(plot: Plot) -> ElementTree.Element:
    pytest.importorskip("matplotlib")
    text = draw(plot)
    assert text == draw(plot)
    return ElementTree.fromstring(text)


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def evaluation(dataset: Dataset) -> AttributeEvaluation:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return drops(dataset, PixelClassifier(name="oracle"), weak)


@pytest.mark.parametrize("plot", [CURVES, SCORES])
def test_names_are_drawn_as_they_are_and_equal_plots_are_equal_bytes(plot: Plot) -> None:
    root = drawn(plot)
    assert HOSTILE in texts(root)
    assert not list(root.iter(f"{SVG}script"))


def test_a_bar_per_drop_says_its_numbers(evaluation: AttributeEvaluation) -> None:
    root = drawn(drop_plot(evaluation))
    tips = [title.text for title in root.iter(f"{SVG}title")]
    assert sum((tip or "").startswith("weak, full: +75.0 [") for tip in tips) == 2
    assert {"oracle", "weak", "full", "size 0.1"} <= set(texts(root))


def test_controls_come_first(imagenet_e: Dataset) -> None:
    plot = drop_plot(drops(imagenet_e, PixelClassifier(plan=IMAGENET_E)))
    assert plot.rows[:4] == ["paste-back", "round-trip", "resample", "complexity -20"]
    assert plot.controls == 3


def test_without_drops_there_is_no_plot(dataset: Dataset) -> None:
    assert not drop_plot(drops(dataset.select(edit="full"))).drawn


def test_long_names_have_room(evaluation: AttributeEvaluation) -> None:
    column = replace(evaluation.models[0].columns[-1], column=Column("a-very-long-name-of-an-edit-of-somebody"))
    root = drawn(drop_plot(replace(evaluation, models=(replace(evaluation.models[0], columns=(column,)),))))
    (name,) = (text for text in root.iter(f"{SVG}text") if text.text == column.column.name)
    # Its end is where its bars begin.
    assert float(name.attrib["x"]) >= 5 * len(column.column.name)


def test_an_interval_that_misses_the_estimate_is_drawn() -> None:
    estimate = Estimate(0.5, 0.6, 0.7, 3)
    from editmill.evaluators.plots import drop_bars

    assert "one" in texts(drawn(drop_bars([("m", {"one": estimate})], title="t", label="l")))
