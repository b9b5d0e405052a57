from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators import Evaluation, Options, evaluate, report_html, write_report
from evaluators.plot import drop_plot
from manifests import Dataset, RequestError
from tests.evaluators.builder import PixelClassifier, build

QUICK = Options(resamples=200)


@pytest.fixture(scope="module")
def evaluations(dataset: Dataset) -> list[Evaluation]:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return [evaluate(dataset, model, progress=False, options=QUICK) for model in (PixelClassifier(name="oracle"), weak)]


def test_the_report_is_one_file_with_all_its_parts(evaluations: list[Evaluation], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, evaluations)
    html = path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert not re.search(r"(src|href)=|@import|url\(|<script", html)
    for text in ("tiny 1.0.0", "f" * 64, "n &lt; 30: intervals are wide", "oracle", "weak", "+75.0", "<svg"):
        assert text in html
    body = html[html.index("<body>") : html.index("</body>") + len("</body>")]
    # Well-formed: every tag is closed and every text escaped.
    root = ElementTree.fromstring(body)
    tables = root.findall(".//table")
    assert len(tables) == 4
    for table in tables:
        widths = {len(row) for row in table.iter("tr")}
        assert len(widths) == 1


def test_acceptance_is_counted_by_edit_with_reasons(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=4, rejected={(0, "full")})
    html = report_html([evaluate(dataset, PixelClassifier(), progress=False, options=QUICK)])
    row = next(line for line in html.splitlines() if line.startswith("<tr><td>full</td><td>4</td>"))
    assert re.findall(r">([^<]+)</td>", row) == ["full", "4", "3", "1", "0", "75.0 %", "geometry_off 1"]


def test_names_are_escaped(evaluations: list[Evaluation]) -> None:
    html = report_html([replace(evaluations[0], model="<b>&\"'")])
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;&quot;" in html


def test_equal_evaluations_give_equal_reports(dataset: Dataset, evaluations: list[Evaluation]) -> None:
    again = evaluate(dataset, PixelClassifier(name="oracle"), batch_size=5, progress=False, options=QUICK)
    assert report_html([again]) == report_html(evaluations[:1])


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


def test_a_report_needs_an_evaluation() -> None:
    with pytest.raises(RequestError, match="at least one"):
        report_html([])
