"""The results as text, CSV, JSON and HTML. Shares are fractions in CSV and JSON; `docs/imagenet-g.md` names every field."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from html import escape
from typing import Any

from evaluators.layout import align
from evaluators.synthesis.evaluation import SynthesisEvaluation
from evaluators.synthesis.sections import ALL, Section, named_accuracies, sections
from manifests import canonical_json

SCHEMA_VERSION = 1
KIND = "editmill.synthesis_evaluation"
CSV_FIELDS = (
    "model", "conditioning", "n", "correct", "accuracy", "accuracy_low", "accuracy_high", "effective_robustness", "planned", "filled", "candidates",
    "acceptance",
)


def synthesis_text(evaluation: SynthesisEvaluation) -> str:
    """The tables, aligned, with the warnings first."""
    head = [_facts(evaluation), *(f"warning: {line}" for line in evaluation.warnings)]
    if evaluation.unguardable:
        head.append(f"excluded, as no judge knows them well enough: {', '.join(evaluation.unguardable)}")
    return "\n\n".join(["\n".join(head), *(_text_table(section) for section in sections(evaluation))]) + "\n"


def _facts(evaluation: SynthesisEvaluation) -> str:
    manifest, overall = evaluation.manifest, evaluation.overall
    filled = f"{overall.filled} of {overall.planned} quotas filled, {evaluation.duplicates} duplicates refused"
    return f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}, {filled}"


def _text_table(section: Section) -> str:
    lines = align([section.head, *section.rows], shared=1, titles=[section.title])
    return "\n".join([*(line.rstrip() for line in lines), *section.notes])


def synthesis_document(evaluation: SynthesisEvaluation) -> dict[str, Any]:
    """The whole evaluation as JSON values."""
    manifest = evaluation.manifest
    return {
        "schema_version": SCHEMA_VERSION, "kind": KIND,
        "dataset": {"name": manifest.name, "version": manifest.version, "fingerprint": manifest.fingerprint, "generator": manifest.generator},
        **{name: [asdict(one) for one in getattr(evaluation, name)] for name in ("models", "robustness", "filling", "holes", "gates")},
        "unguardable": list(evaluation.unguardable), "duplicates": evaluation.duplicates, "guarded": evaluation.guarded,
        "warnings": list(evaluation.warnings),
    }


def synthesis_json(evaluation: SynthesisEvaluation) -> bytes:
    """The document as canonical JSON."""
    return canonical_json(synthesis_document(evaluation)) + b"\n"


def synthesis_csv(evaluation: SynthesisEvaluation) -> str:
    """One line per model and conditioning; what was not measured is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    filling = {one.conditioning or ALL: one for one in evaluation.filling}
    robust = {(one.model, one.conditioning or ALL): one.value for one in evaluation.robustness}
    for result in evaluation.models:
        for name, one in named_accuracies(result):
            row: dict[str, Any] = {
                "model": result.model, "conditioning": name, "n": one.n, "correct": one.correct, "accuracy": one.value, "accuracy_low": one.low,
                "accuracy_high": one.high, "effective_robustness": robust.get((result.model, name)),
            }
            if name in filling:
                row |= {field: getattr(filling[name], field) for field in ("planned", "filled", "candidates", "acceptance")}
            writer.writerow(row)
    return buffer.getvalue()


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }}
h1 {{ font-size: 1.6rem; margin-bottom: 0 }} h2 {{ font-size: 1.15rem; margin: 2rem 0 .5rem }} .note {{ color: #595959; margin: .2rem 0 }}
.scroll {{ overflow-x: auto }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }}
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) {{ text-align: left }} thead th {{ border-bottom: 2px solid #888 }}
.warnings {{ background: #fff4d6; border-left: 4px solid #e69f00; padding: .5rem 1rem .5rem 2rem; margin: 1rem 0 }}
</style></head><body>
<h1>{title}</h1><p class="note">{facts}</p>
{body}
</body></html>
"""


def synthesis_html(evaluation: SynthesisEvaluation) -> str:
    """One page that needs nothing beside it."""
    manifest = evaluation.manifest
    items = "".join(f"<li>{escape(line)}</li>" for line in evaluation.warnings)
    body = f'<ul class="warnings">{items}</ul>' if items else ""
    body += "\n".join(_html_section(section) for section in sections(evaluation))
    title = f"{manifest.name} {manifest.version}: generated pictures"
    return _PAGE.format(title=escape(title), facts=escape(_facts(evaluation)), body=body)


def _html_section(section: Section) -> str:
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in section.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in section.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in section.notes)
    table = f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<h2>{escape(section.title)}</h2>{table}{notes}"
