"""All forms of a report."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import pytest

from editmill.evaluators import Estimate, Report, Section, render
from editmill.evaluators.reporting import align, name_dataset, spread, spread_names, start_document
from editmill.manifests import RequestError, canonical_json
from tests.manifests.builder import make_manifest, make_sources

GROUPED = Section(
    "By model",
    ["edit", "n", "drop", "95 %", "drop", "95 %"],
    [
        ["original", "8", "-", "", "-", ""],
        ["a <b>", "7", "+1.0", "[0, 2]", "+3.0", "[2, 4]"],
        ["mean", "", "", "", "", ""],
    ],
    ("drop: in points",),
    groups=("one", "two & three"),
    controls=frozenset({0}),
    foot=True,
)
PLAIN = Section("Plain", ["what", "how many"], [["cubes", "3"]], shared=1)
REPORT = Report(
    title="A set: what it says",
    facts=("a set 1.0.0", "seed 0"),
    lead="It holds & more.",
    warnings=("n < 30",),
    plots=(("Drops", "<svg/>"), ("Nothing to draw", "")),
    sections=(GROUPED, Section("Empty", ["never"], []), PLAIN),
    fields=["model", *spread_names("drop")],
    rows=[{"model": "one", **spread("drop", Estimate(0.1, 0.0, 0.2, 3))}, {"model": 'two "x", y'}],
    document={"kind": "a.set", "value": [1, None]},
)


def body(report: Report) -> Any:
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
        "            | one          | two & three",
        "edit      n | drop    95 % | drop    95 %",
        "------------+--------------+-------------",
        "original  8 |    -         |    -",
        "a <b>     7 | +1.0  [0, 2] | +3.0  [2, 4]",
        "------------+--------------+-------------",
        "mean        |              |",
        "drop: in points",
        "",
        "Plain",
        "what  | how many",
        "------+---------",
        "cubes |        3",
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


def test_json_is_canonical() -> None:
    text = render(REPORT, "json")
    assert text == canonical_json(json.loads(text)).decode() + "\n"
    assert json.loads(text) == {"kind": "a.set", "value": [1, None]}


def test_a_page_has_a_table_per_group_and_escapes_what_it_shows() -> None:
    root = body(REPORT)
    assert [title.text for title in root.iter("h2")] == ["Drops", "By model", "Plain"]
    assert [title.text for title in root.iter("h3")] == ["one", "two & three"]
    tables = [[[cell.text or "" for cell in row] for row in table.iter("tr")] for table in root.iter("table")]
    assert tables[1] == [
        ["edit", "n", "drop", "95 %"],
        ["original", "8", "-", ""],
        ["a <b>", "7", "+3.0", "[2, 4]"],
        ["mean", "", "", ""],
    ]
    assert tables[2] == [["what", "how many"], ["cubes", "3"]]
    assert [row[0].text for row in root.iter("tr") if row.attrib.get("class") == "control"] == ["original"] * 2
    assert [row[0].text for foot in root.iter("tfoot") for row in foot] == ["mean"] * 2
    assert [note.text for note in root.iter("p") if note.attrib] == ["a set 1.0.0", "seed 0", "drop: in points"]
    assert [item.text for item in root.iter("li")] == ["n < 30"]
    assert "a <b>" not in render(REPORT, "html")


def test_a_page_without_lead_and_warnings_has_neither() -> None:
    root = body(replace(REPORT, lead="", warnings=()))
    assert not [*root.iter("ul"), *root.iter("b")]


def test_there_is_no_fifth_form() -> None:
    with pytest.raises(RequestError, match="latex") as caught:
        render(REPORT, "latex")
    assert caught.value.fix == "use one of text, csv, json, html"


def test_what_reports_start_with_names_the_dataset() -> None:
    manifest = make_manifest(make_sources(1), [])
    document = start_document(manifest, kind="a.set", schema_version=3)
    assert (document["kind"], document["schema_version"]) == ("a.set", 3)
    assert set(document["dataset"]) == {"name", "version", "fingerprint", "generator"}
    assert name_dataset(manifest) == f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint}"


def test_what_was_not_measured_has_no_fields() -> None:
    assert spread("drop", None) == {}


def test_rows_are_aligned_and_a_long_title_widens_its_block() -> None:
    lines = align([["edit", "n", "x", "x"], ["full", "8", "1.0", "10.0"]], shared=2, titles=["one", "a longer title"])
    assert lines == [
        "        | one | a longer title",
        "edit  n |   x |              x",
        "--------+-----+---------------",
        "full  8 | 1.0 |           10.0",
    ]


def test_a_table_of_one_column_is_written_whole() -> None:
    one = replace(REPORT, sections=[Section("Names", ["only"], [["first"], ["second"]])])
    text, page = render(one, "text"), render(one, "html")
    lines = [line.strip(" |") for line in text[text.index("Names") :].splitlines()]
    assert [line for line in lines if line.strip("-+")] == ["Names", "only", "first", "second"]
    assert page.count("<td>") == 2
