"""All forms of a report."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import pytest

from editmill.evaluators import Estimate, Report, Table, render
from editmill.evaluators.plots import BarPlot, drop_bars
from editmill.evaluators.reporting import name_dataset, spread, spread_names, start_document
from editmill.evaluators.tables import count, decimal, points, words
from editmill.manifests import RequestError, canonical_json
from tests.manifests.builder import make_manifest, make_sources

HOSTILE = "a <b> & $x$ | \\y_%"
GROUPED = Table(
    "By model",
    [words("edit"), count("n"), points("drop", interval="95 %")],
    [
        ["original", 8, None, None],
        [HOSTILE, 7, Estimate(0.01, 0.0, 0.02, 7), Estimate(0.03, None, None, 7)],
        ["mean", "", "", ("none", "")],
    ],
    ("drop: <i>in points</i>",),
    groups=("one", "two & three"),
    controls=(0,),
    foot=True,
)
PLAIN = Table("Plain", [words("what"), decimal("how many", 1, unit="dB")], [["cubes", 3.0]], shared=1)
PLOT = drop_bars([("<one>", {"edit & $x$": Estimate(0.1, -0.1, 0.2, 3)})], title="Drops", label="points")
REPORT = Report(
    title="A set: <what> it says",
    facts=("a set 1.0.0", "seed 0"),
    lead="It holds & more.",
    warnings=("n < 30",),
    plots=(PLOT, BarPlot("Nothing to draw", "", (), ())),
    tables=(GROUPED, Table("Empty", [words("never")], []), PLAIN),
    fields=["model", *spread_names("drop")],
    rows=[{"model": "one", **spread("drop", Estimate(0.1, 0.0, 0.2, 3))}, {"model": 'two "x", y'}],
    document={"kind": "a.set", "value": [1, None]},
)


def body(report: Report) -> Any:
    pytest.importorskip("matplotlib")
    page = render(report, "html")
    return ElementTree.fromstring(page[page.index("<body>") : page.index("</body>") + len("</body>")])


def test_text_has_facts_lead_and_warnings_and_groups_side_by_side() -> None:
    assert render(REPORT, "text").splitlines() == [
        "a set 1.0.0",
        "seed 0",
        "It holds & more.",
        "warning: n < 30",
        "",
        "By model",
        "                      | one                       | two & three",
        "edit                n | drop, points         95 % | drop, points         95 %",
        "----------------------+---------------------------+--------------------------",
        "original            8 |            -              |            -",
        "a <b> & $x$ | \\y_%  7 |         +1.0  [0.0, +2.0] |         +3.0  n too small",
        "----------------------+---------------------------+--------------------------",
        "mean                  |                           |         none",
        "drop: <i>in points</i>",
        "",
        "Plain",
        "what  | how many, dB",
        "------+-------------",
        "cubes |          3.0",
    ]


def test_csv_leaves_empty_what_a_row_lacks() -> None:
    text = render(REPORT, "csv")
    assert text.splitlines()[0] == "model,drop,drop_low,drop_high"
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"model": "one", "drop": "0.1", "drop_low": "0.0", "drop_high": "0.2"},
        {"model": 'two "x", y', "drop": "", "drop_low": "", "drop_high": ""},
    ]
    with pytest.raises(ValueError, match="other"):
        render(replace(REPORT, rows=[{"other": 1}]), "csv")


def test_json_is_canonical_and_holds_what_a_page_shows() -> None:
    text = render(REPORT, "json")
    assert text == canonical_json(json.loads(text)).decode() + "\n"
    found = json.loads(text)
    shown = found.pop("report")
    assert found == {"kind": "a.set", "value": [1, None]}
    assert [table["title"] for table in shown["tables"]] == ["By model", "Plain"]
    assert [plot["title"] for plot in shown["plots"]] == ["Drops"]


def test_a_page_has_a_table_per_group_and_escapes_what_it_shows() -> None:
    root = body(REPORT)
    assert [title.text for title in root.iter("h3")] == ["Drops", "By model", "Plain"]
    assert [title.text for title in root.iter("h4")] == ["one", "two & three"]
    tables = [[[cell.text or "" for cell in row] for row in table.iter("tr")] for table in root.iter("table")]
    assert tables[1] == [
        ["edit", "n", "drop, points", "95 %"],
        ["original", "8", "-", ""],
        [HOSTILE, "7", "+3.0", "n too small"],
        ["mean", "", "none", ""],
    ]
    assert tables[2] == [["what", "how many, dB"], ["cubes", "3.0"]]
    assert [row[0].text for row in root.iter("tr") if row.attrib.get("class") == "control"] == ["original"] * 2
    assert [row[0].text for foot in root.iter("tfoot") for row in foot] == ["mean"] * 2
    assert [note.text for note in root.iter("p")][3:] == ["drop: <i>in points</i>"]
    assert [item.text for item in root.iter("li")] == ["n < 30"]
    boxes = [box for box in root.iter("div") if box.attrib["class"].startswith("scroll")]
    assert all(box.attrib["tabindex"] == "0" and box.attrib["aria-label"] for box in boxes)
    (plot,) = root.iter("{http://www.w3.org/2000/svg}svg")
    texts = {text.text for text in plot.iter("{http://www.w3.org/2000/svg}text")}
    assert {"edit & $x$", "points"} <= texts
    assert render(REPORT, "html") == render(REPORT, "html")


def test_a_page_without_lead_and_warnings_has_neither() -> None:
    root = body(replace(REPORT, lead="", warnings=(), plots=()))
    assert not [*root.iter("ul"), *(one for one in root.iter("p") if one.attrib["class"] == "lead")]


def test_there_is_no_other_form() -> None:
    with pytest.raises(RequestError, match="docx") as caught:
        render(REPORT, "docx")
    assert caught.value.fix == "use one of text, csv, json, html, latex, markdown"


def test_what_reports_start_with_names_the_dataset() -> None:
    manifest = make_manifest(make_sources(1), [])
    document = start_document(manifest, kind="a.set", schema_version=3)
    assert (document["kind"], document["schema_version"]) == ("a.set", 3)
    assert set(document["dataset"]) == {"name", "version", "fingerprint", "generator"}
    assert name_dataset(manifest) == f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint}"


def test_what_was_not_measured_has_no_fields() -> None:
    assert spread("drop", None) == {}
