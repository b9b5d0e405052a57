"""Reports: what every evaluation comes to, and the one place that writes it, in six forms."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.figures import Interval
from editmill.evaluators.plots import Plot
from editmill.evaluators.tables import Table, document_of, to_latex, to_markdown, to_text
from editmill.manifests import Manifest, RequestError, canonical_json
from editmill.manifests.wording import markdown_text


@dataclass(frozen=True)
class Report:
    """What an evaluation says, whatever form it is written in.

    Attributes:
        title: Of the page.
        facts: What was measured and how, a line each.
        lead: The sentence that counts most; "" without one.
        warnings: What a reader of the numbers must know.
        plots: Those with nothing to draw are left out.
        tables: In reading order; those without a row are left out.
        fields: Columns of the CSV file.
        rows: Its lines, in fractions; what was not measured is empty.
        document: The whole evaluation as JSON values, in fractions.
        predictions: What every model said of every sample, see `editmill.evaluators.predictions.name_predictions`;
            None where models are not asked sample by sample.
    """

    title: str
    facts: Sequence[str]
    tables: Sequence[Table]
    fields: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    document: Mapping[str, Any] = field(repr=False)
    lead: str = ""
    warnings: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    predictions: pa.Table | None = field(default=None, repr=False, compare=False)

    @property
    def shown(self) -> Shown:
        """What a page shows."""
        tables = [table for table in self.tables if table.rows]
        return Shown(self.title, self.facts, self.lead, self.warnings, [one for one in self.plots if one.drawn], tables)


@dataclass(frozen=True)
class Shown:
    """The part of a report that people read."""

    title: str
    facts: Sequence[str]
    lead: str
    warnings: Sequence[str]
    plots: Sequence[Plot]
    tables: Sequence[Table]


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
    """Return a report in one of the forms ``text``, ``csv``, ``json``, ``html``, ``latex`` and ``markdown``.

    Raises:
        RequestError: There is no such form, or a page is asked for and the packages that draw it are missing.
    """
    if form not in WRITERS:
        raise RequestError(f"no form of a report is called {form!r}", fix=f"use one of {', '.join(WRITERS)}")
    return WRITERS[form](report)


def _text(report: Report) -> str:
    """Return facts, lead and warnings, then the tables, aligned."""
    shown = report.shown
    warnings = (f"warning: {line}" for line in shown.warnings)
    head = "".join(f"{line}\n" for line in (*shown.facts, shown.lead, *warnings) if line)
    return "\n".join([head, *map(to_text, shown.tables)])


def _csv(report: Report) -> str:
    """Return one line per row, under the names of the fields."""
    buffer = io.StringIO()
    # csv would end lines with a carriage return too.
    writer = csv.DictWriter(buffer, report.fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report.rows)
    return buffer.getvalue()


def _json(report: Report) -> str:
    """Return the document as canonical JSON, with what a page shows under ``report``."""
    shown = report.shown
    plots = [asdict(plot) for plot in shown.plots]
    parts = {**asdict(Shown(shown.title, shown.facts, shown.lead, shown.warnings, (), ())), "plots": plots}
    page = {**parts, "tables": list(map(document_of, shown.tables))}
    return canonical_json({**report.document, "report": page}).decode() + "\n"


def _html(report: Report) -> str:
    """Return one page that needs nothing beside it; equal reports give equal pages."""
    # The packages that draw pages are not in the base installation.
    from editmill.evaluators.pages import page

    return page("evaluation.html.j2", title=report.title, shown=report.shown)


def _latex(report: Report) -> str:
    """Return the tables, with facts and warnings as comments."""
    shown = report.shown
    lines = (*shown.facts, shown.lead, *(f"warning: {line}" for line in shown.warnings))
    # A line feed within a name would end the comment.
    comments = "".join(f"% {' '.join(line.split())}\n" for line in ("needs \\usepackage{booktabs}", *lines) if line)
    return "\n".join([comments, *map(to_latex, shown.tables)])


def _markdown(report: Report) -> str:
    """Return title, facts, lead and warnings, and the tables."""
    shown = report.shown
    warnings = [f"> {markdown_text(line)}" for line in shown.warnings]
    parts = [f"# {markdown_text(shown.title)}", *map(markdown_text, (*shown.facts, shown.lead)), "\n".join(warnings)]
    return "\n".join(f"{part.rstrip()}\n" for part in (*parts, *map(to_markdown, shown.tables)) if part)


WRITERS: dict[str, Callable[[Report], str]] = {
    "text": _text,
    "csv": _csv,
    "json": _json,
    "html": _html,
    "latex": _latex,
    "markdown": _markdown,
}
