"""The results as text, CSV, JSON and HTML. Accuracies are fractions in CSV and JSON, FMR is in percent; `docs/fmr.md` names every field."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from html import escape
from typing import Any

from evaluators.fmr.evaluation import FmrEvaluation
from evaluators.fmr.plot import curve_svg
from evaluators.fmr.results import Point, TargetResult
from evaluators.fmr.sections import sections
from evaluators.layout import align
from evaluators.statistics import Estimate
from evaluators.watermark.sections import Section
from manifests import canonical_json

SCHEMA_VERSION = 1
KIND = "editmill.fmr_evaluation"

_COUNTS = ("n_sources", "n_eligible", "n_accepted", "n_fallback", "validation_rate", "completed")
_ESTIMATES = ("accuracy", "fmr", "difference")
_FIELDS = [
    "network", "target", "model", "made_by", "budget", *_COUNTS, "generator_overlap", "guard_overlap", "sa",
    *(name + end for name in _ESTIMATES for end in ("", "_low", "_high")),
]


def fmr_text(evaluation: FmrEvaluation) -> str:
    """The tables, aligned, with the warnings first."""
    head = [_facts(evaluation), *(f"warning: {line}" for line in evaluation.warnings)]
    return "\n\n".join(["\n".join(head), *(_text_table(section) for section in sections(evaluation))]) + "\n"


def _facts(evaluation: FmrEvaluation) -> str:
    manifest, report = evaluation.manifest, evaluation.guard_report[:12] or "none"
    return (
        f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}; oracle {evaluation.oracle}, mode {evaluation.mode}, "
        f"guard report {report}; {evaluation.resamples} resamples, seed {evaluation.seed}"
    )


def _text_table(section: Section) -> str:
    lines = align([section.head, *section.rows], shared=min(2, len(section.head) - 1), titles=[section.title])
    return "\n".join([*(line.rstrip() for line in lines), *section.notes])


def fmr_json(evaluation: FmrEvaluation) -> bytes:
    """The document as canonical JSON."""
    return canonical_json(fmr_document(evaluation)) + b"\n"


def fmr_document(evaluation: FmrEvaluation) -> dict[str, Any]:
    """The whole evaluation as JSON values."""
    manifest = evaluation.manifest
    return {
        "schema_version": SCHEMA_VERSION, "kind": KIND,
        "dataset": {"name": manifest.name, "version": manifest.version, "fingerprint": manifest.fingerprint, "generator": manifest.generator},
        "options": {"resamples": evaluation.resamples, "seed": evaluation.seed},
        "oracle": evaluation.oracle, "mode": evaluation.mode, "guard_report": evaluation.guard_report,
        "models": [{**asdict(one), "held_out": one.held_out} for one in evaluation.models],
        **{name: [asdict(one) for one in getattr(evaluation, name)] for name in ("targets", "transfer", "verifications")},
        "warnings": list(evaluation.warnings),
    }


def fmr_csv(evaluation: FmrEvaluation) -> str:
    """One line per network, target, way of making and budget; what was not measured is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for one in evaluation.targets:
        for name, curve in (("ascent", one.curve), ("random", one.random)):
            writer.writerows(_csv_row(one, name, point, last=point is curve[-1]) for point in curve)
    return buffer.getvalue()


def _csv_row(one: TargetResult, name: str, point: Point, *, last: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"network": one.network, "target": one.target, "model": one.model, "made_by": name, "budget": point.budget}
    row |= {count: getattr(one, count) for count in _COUNTS}
    row |= {"generator_overlap": int(one.generator_overlap), "guard_overlap": int(one.guard_overlap), "sa": one.sa.value if one.sa else None}
    difference = one.difference if last and name == "ascent" else None
    return row | _named("accuracy", point.pa) | _named("fmr", point.fmr) | _named("difference", difference)


def _named(name: str, found: Estimate | None) -> dict[str, float]:
    return {} if found is None else {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }}
h1 {{ font-size: 1.6rem; margin-bottom: 0 }} h2 {{ font-size: 1.15rem; margin: 2rem 0 .5rem }} .note {{ color: #595959; margin: .2rem 0 }}
.scroll {{ overflow-x: auto }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }}
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) {{ text-align: left }} thead th {{ border-bottom: 2px solid #888 }}
.warnings {{ background: #fff4d6; border-left: 4px solid #e69f00; padding: .5rem 1rem .5rem 2rem; margin: 1rem 0 }}
svg {{ width: 100%; max-width: 860px; height: auto }}
</style></head><body>
<h1>{title}</h1><p class="note">{facts}</p>
{body}
</body></html>
"""


def fmr_html(evaluation: FmrEvaluation) -> str:
    """One page that needs nothing beside it: warnings, the curves, and the tables."""
    manifest = evaluation.manifest
    items = "".join(f"<li>{escape(line)}</li>" for line in evaluation.warnings)
    body = f'<ul class="warnings">{items}</ul>' if items else ""
    plot = curve_svg(evaluation)
    body += f"<h2>Accuracy over the budget</h2>{plot}" if plot else ""
    body += "\n".join(_html_section(section) for section in sections(evaluation))
    title = f"{manifest.name} {manifest.version}: foundation model-oriented robustness"
    return _PAGE.format(title=escape(title), facts=escape(_facts(evaluation)), body=body)


def _html_section(section: Section) -> str:
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in section.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in section.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in section.notes)
    table = f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<h2>{escape(section.title)}</h2>{table}{notes}"
