"""Every form of a table, parsed back."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest

from editmill.evaluators.tables import Table, align, table_files, to_csv, to_json, to_latex, to_markdown, words
from tests.evaluators.test_reporting import GROUPED, HOSTILE, PLAIN

SHOWN = [
    ["original", "8", "-", "", "-", ""],
    [HOSTILE, "7", "+1.0", "[0.0, +2.0]", "+3.0", "n too small"],
    ["mean", "", "", "", "none", ""],
]


def test_csv_and_json_hold_numbers_as_they_are() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(GROUPED))))
    assert (rows[1]["one: drop"], rows[1]["one: drop high"], rows[1]["two & three: drop low"]) == ("0.01", "0.02", "")
    found = json.loads(to_json(GROUPED))
    assert found["rows"][1] == [
        *(HOSTILE, 7, {"value": 0.01, "low": 0.0, "high": 0.02}),
        {"value": 0.03, "low": None, "high": None},
    ]
    assert [(one["title"], one["unit"]) for one in found["columns"]] == [("edit", ""), ("n", ""), ("drop", "points")]


def test_latex_prints_every_cell() -> None:
    text = to_latex(GROUPED)
    assert text.count("\\toprule") == text.count("\\midrule") - 1 == text.count("\\bottomrule") == 1
    assert "\\begin{tabular}{lrrrrr}" in text
    assert "\\cmidrule(lr){3-4}\\cmidrule(lr){5-6}" in text
    lines = [line.removesuffix(" \\\\").split(" & ") for line in text.splitlines() if line.endswith(" \\\\")]
    assert [[_plain(cell) for cell in line] for line in lines[2:]] == SHOWN


def _plain(cell: str) -> str:
    """A cell without LaTeX's escapes."""
    words = {"textless": "<", "textgreater": ">", "textbar": "|", "textbackslash": "\\"}
    named = re.sub(r"\\(text[a-z]+)\{\}", lambda found: words[found[1]], cell.replace("$-$", "-"))
    return re.sub(r"\\([&%$#_{}])", r"\1", named)


def test_markdown_keeps_its_columns() -> None:
    lines = [line for line in to_markdown(GROUPED).splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert [one.strip() for one in cells[0]] == [
        *("edit", "n", "one: drop, points", "one: 95 %", "two &amp; three: drop, points", "two &amp; three: 95 %")
    ]
    shown = [[re.sub(r"\\(.)", r"\1", one.strip()).replace("&amp;", "&") for one in row] for row in cells[2:]]
    assert shown == SHOWN


@pytest.mark.parametrize(("form", "escaped"), [(to_latex, "a b & c"), (to_markdown, r"| a b | c \~\~d\~\~ \$e\$ |")])
def test_line_feeds_and_marks_stay_in_their_cell(form: Callable[[Table], str], escaped: str) -> None:
    assert escaped in form(Table("t", [words("a"), words("b")], [["a\n\nb", "c\r~~d~~ $e$"]]))


def test_every_table_is_written_in_every_form() -> None:
    names = sorted(table_files([GROUPED, PLAIN]))
    assert names[:5] == [f"01-by-model.{end}" for end in ("csv", "json", "md", "tex", "txt")]
    assert len(names) == 10


def test_rows_are_aligned_and_a_long_title_widens_its_block() -> None:
    lines = align([["edit", "n", "x", "x"], ["full", "8", "1.0", "10.0"]], shared=2, titles=["one", "a longer title"])
    assert lines == [
        "        | one | a longer title",
        "edit  n |   x |              x",
        "--------+-----+---------------",
        "full  8 | 1.0 |           10.0",
    ]
