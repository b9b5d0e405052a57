from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from editmill.evaluators import render, report, write_report
from editmill.evaluators.attribute.evaluation import AttributeEvaluation
from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, build, drops


def to_html(evaluation: AttributeEvaluation) -> str:
    pytest.importorskip("matplotlib")
    return render(report(evaluation), "html")


@pytest.fixture(scope="module")
def evaluation(dataset: Dataset) -> AttributeEvaluation:
    weak = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6, name="weak")
    return drops(dataset, PixelClassifier(name="oracle"), weak)


def test_the_report_is_one_file_with_all_its_parts(evaluation: AttributeEvaluation, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "report.html"
    write_report(path, evaluation)
    html = path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    # Plots refer to their own clips and marks.
    assert not re.search(r"(src|href)=\"[^#]|@import|url\([^#]|<script", html)
    for text in ("tiny 1.0.0", "f" * 64, "n &lt; 30: intervals are wide", "oracle", "weak", "+75.0", "<svg "):
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
    html = to_html(drops(dataset, PixelClassifier()))
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", html, re.S) if 'row">full</th><td>4</td>' in row)
    assert re.findall(r">([^<]+)</t[dh]>", row) == ["full", "4", "3", "1", "0", "75.0", "geometry_off 1"]


def test_names_are_escaped(evaluation: AttributeEvaluation) -> None:
    html = to_html(replace(evaluation, models=(replace(evaluation.models[0], model="<b>&\"'"),)))
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html


def test_strata_orders_and_the_controls_of_net_drops_are_shown(imagenet_e: Dataset) -> None:
    html = to_html(drops(imagenet_e, PixelClassifier(plan=IMAGENET_E)))
    root = ElementTree.fromstring(html[html.index("<body>") : html.index("</body>") + len("</body>")])
    rows = {row[0].text: [cell.text for cell in row] for row in root.iter("tr")}
    assert rows["size: small"] == ["size: small", "4", "1.0 to 4.0 %", "100.0", "0.0", "[-66.6, +66.6]"]
    assert "complexity -20 &lt; complexity +20" in html
    assert "83.3 % judged" in html
    table = root.findall(".//table")[1]
    found = {row[0].text: (row[1].text, row[4].text) for row in table.iter("tr")}
    assert found["edit"] == ("accepted, %", "net of")
    assert found["adversarial +20"] == ("100.0", "round-trip")
    assert found["direction 0.05"] == ("100.0", "paste-back")
    assert found["resample"] == ("100.0", "-")
    grey = [row[0].text for row in table.iter("tr") if row.attrib.get("class") == "control"]
    assert grey == ["original", "paste-back", "round-trip", "resample"]
