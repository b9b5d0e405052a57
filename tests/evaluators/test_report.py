from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from editmill.evaluators import Evaluation, Options, evaluate, report_html, write_report
from editmill.manifests import Dataset, RequestError
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, build

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


def test_strata_orders_and_the_controls_of_net_drops_are_shown(imagenet_e: Dataset) -> None:
    html = report_html([evaluate(imagenet_e, PixelClassifier(plan=IMAGENET_E), progress=False, options=QUICK)])
    root = ElementTree.fromstring(html[html.index("<body>") : html.index("</body>") + len("</body>")])
    rows = {row[0].text: [cell.text for cell in row] for row in root.iter("tr")}
    assert rows["size: small"] == ["size: small", "4", "1.0 to 4.0 %", "100.0", "0.0", "0.0 to 0.0"]
    assert "complexity -20 &lt; complexity +20" in html
    assert "83.3 % judged" in html
    table = root.findall(".//table")[1]
    found = {row[0].text: (row[1].text, row[-1].text) for row in table.iter("tr")}
    assert found["adversarial +20"] == ("100.0", "round-trip")
    assert found["direction 0.05"] == ("100.0", "paste-back")
    assert found["resample"] == ("100.0", None)


def test_a_report_needs_an_evaluation() -> None:
    with pytest.raises(RequestError, match="at least one"):
        report_html([])
