"""Reports: what every evaluation comes to, and the one place that writes it, as text, CSV, JSON and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from editmill.evaluators.figures import Interval
from editmill.manifests import Manifest, RequestError, canonical_json


@dataclass(frozen=True)
class Section:
    """A titled table.

    Attributes:
        title: What it shows.
        head: Titles of the columns.
        rows: Cells of text, as many as the head has.
        notes: How to read it, a line each.
        groups: Titles of equal blocks of columns after the shared ones, such as a model each. Text has them side by
            side, a page has a table for each.
        shared: Leading columns that name a row.
        controls: Numbers of the rows that a page shows in grey.
        foot: Whether the last row sums the others up.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    groups: Sequence[str] = ()
    shared: int = 2
    controls: frozenset[int] = frozenset()
    foot: bool = False


@dataclass(frozen=True)
class Report:
    """What an evaluation says, whatever form it is written in.

    Attributes:
        title: Of the page.
        facts: What was measured and how, a line each.
        lead: The sentence that counts most; "" without one.
        warnings: What a reader of the numbers must know.
        plots: Title and SVG of each; those with nothing to draw are left out.
        sections: Tables in reading order; those without a row are left out.
        fields: Columns of the CSV file.
        rows: Its lines, in fractions; what was not measured is empty.
        document: The whole evaluation as JSON values, in fractions.
    """

    title: str
    facts: Sequence[str]
    sections: Sequence[Section]
    fields: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    document: Mapping[str, Any] = field(repr=False)
    lead: str = ""
    warnings: Sequence[str] = ()
    plots: Sequence[tuple[str, str]] = ()


def name_dataset(manifest: Manifest) -> str:
    """Return the first words of a report's facts: which dataset was measured."""
    return f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint}"


def start_document(manifest: Manifest, *, kind: str, schema_version: int) -> dict[str, Any]:
    """Return the fields that every JSON document starts with."""
    dataset = {name: getattr(manifest, name) for name in ("name", "version", "fingerprint", "generator")}
    return {"schema_version": schema_version, "kind": kind, "dataset": dataset}


def spread(name: str, found: Interval | None) -> dict[str, float | None]:
    """Return a number and the ends of its interval as three CSV fields; none where it was not measured."""
    return {} if found is None else {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def spread_names(*names: str) -> list[str]:
    """Return the fields that `spread` gives, for several numbers."""
    return [name + end for name in names for end in ("", "_low", "_high")]


def render(report: Report, form: str) -> str:
    """Return a report in one of the forms ``text``, ``csv``, ``json`` and ``html``.

    Raises:
        RequestError: There is no such form.
    """
    if form not in WRITERS:
        raise RequestError(f"no form of a report is called {form!r}", fix=f"use one of {', '.join(WRITERS)}")
    return WRITERS[form](report)


def to_text(report: Report) -> str:
    """Return facts, lead and warnings, then the tables, aligned."""
    warnings = (f"warning: {line}" for line in report.warnings)
    head = [line for line in (*report.facts, report.lead, *warnings) if line]
    return "\n\n".join("\n".join(part) for part in (head, *map(_text_section, _shown(report)))) + "\n"


def to_csv(report: Report) -> str:
    """Return one line per row, under the names of the fields."""
    buffer = io.StringIO()
    # csv would end lines with a carriage return too.
    writer = csv.DictWriter(buffer, report.fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report.rows)
    return buffer.getvalue()


def to_json(report: Report) -> str:
    """Return the document as canonical JSON."""
    return canonical_json(report.document).decode() + "\n"


def to_html(report: Report) -> str:
    """Return one page that needs nothing beside it; equal reports give equal pages."""
    warnings = "".join(f"<li>{escape(line)}</li>" for line in report.warnings)
    parts = [f"<h1>{escape(report.title)}</h1>", *map(_note, report.facts)]
    parts += [f"<p><b>{escape(report.lead)}</b></p>"] if report.lead else []
    parts += [f'<ul class="warnings">{warnings}</ul>'] if warnings else []
    parts += [f"<h2>{escape(title)}</h2>\n{plot}" for title, plot in report.plots if plot]
    parts += [_html_section(section) for section in _shown(report)]
    return _PAGE.format(title=escape(report.title), style=_STYLE, body="\n".join(parts))


WRITERS: dict[str, Callable[[Report], str]] = {"text": to_text, "csv": to_csv, "json": to_json, "html": to_html}


def _shown(report: Report) -> list[Section]:
    return [section for section in report.sections if section.rows]


def _text_section(section: Section) -> list[str]:
    shared = min(section.shared, len(section.head) - 1)
    lines = align([section.head, *section.rows], shared=shared, titles=section.groups)
    if section.foot:
        # The rule below the head once more, above the line that sums up.
        lines.insert(-1, lines[2 if section.groups else 1])
    return [section.title, *lines, *section.notes]


def align(body: Sequence[Sequence[str]], *, shared: int, titles: Sequence[str] = ()) -> list[str]:
    """Align rows of cells, the first of which is the head, with a rule below it.

    Args:
        body: Rows of equal length: the shared cells, then a block of cells per title, or one block without titles.
        shared: Leading cells that all blocks share.
        titles: What stands above the blocks.
    """
    widths = [max(len(row[index]) for row in body) for index in range(len(body[0]))]
    block = (len(widths) - shared) // max(1, len(titles))
    for number, title in enumerate(titles):
        start = shared + number * block
        spare = len(title) - sum(widths[start : start + block]) - 2 * (block - 1)
        widths[start + block - 1] += max(0, spare)

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        padded[0] = cells[0].ljust(widths[0])
        groups = [padded[:shared], *(padded[at : at + block] for at in range(shared, len(padded), block))]
        return " | ".join("  ".join(group) for group in groups).rstrip()

    spans = [sum(widths[at : at + block]) + 2 * (block - 1) for at in range(shared, len(widths), block)]
    left = sum(widths[:shared]) + 2 * (shared - 1)
    named = (text.ljust(span) for text, span in zip(titles, spans, strict=False))
    above = [" | ".join([" " * left, *named]).rstrip()] if titles else []
    rule = "-+-".join("-" * span for span in [left, *spans])
    return [*above, line(body[0]), rule, *(line(row) for row in body[1:])]


def _html_section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    shared = min(section.shared, len(section.head))
    block = (len(section.head) - shared) // max(1, len(section.groups))
    for number, group in enumerate(section.groups or ("",)):
        start = shared + number * block
        columns = [*range(shared), *range(start, start + block)]
        parts += [f"<h3>{escape(group)}</h3>"] if group else []
        parts.append(_html_table(section, columns))
    return "\n".join([*parts, *map(_note, section.notes)])


def _html_table(section: Section, columns: Sequence[int]) -> str:
    def row(cells: Sequence[str], tag: str, kind: str = "") -> str:
        return f"<tr{kind}>" + "".join(f"<{tag}>{escape(cells[at])}</{tag}>" for at in columns) + "</tr>"

    grey = [' class="control"' if number in section.controls else "" for number in range(len(section.rows))]
    rows = [row(cells, "td", kind) for cells, kind in zip(section.rows, grey, strict=True)]
    foot = f"<tfoot>\n{rows.pop()}\n</tfoot>" if section.foot else ""
    body = "\n".join([f"<thead>{row(section.head, 'th')}</thead><tbody>", *rows, f"</tbody>{foot}"])
    kind = ' class="two"' if section.shared > 1 else ""
    return f'<div class="scroll"><table{kind}>{body}</table></div>'


def _note(line: str) -> str:
    return f'<p class="note">{escape(line)}</p>'


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff }
body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem } .note { color: #595959; margin: .2rem 0; overflow-wrap: anywhere }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
:is(th, td):first-child, .two :is(th, td):nth-child(2) { text-align: left }
thead th { border-bottom: 2px solid #888 } tfoot td { font-weight: 600; border-bottom: 0 }
tr.control td { color: #6b6b6b }
.warnings { background: #fff4d6; border-left: 4px solid #e69f00; padding: .5rem 1rem .5rem 2rem; margin: 1rem 0 }
svg { width: 100%; max-width: 860px; height: auto }
"""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body>
{body}
</body></html>
"""
