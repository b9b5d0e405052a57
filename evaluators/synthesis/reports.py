"""The results as text, CSV, JSON and HTML.

Shares are fractions in CSV and JSON; `docs/imagenet-g.md` names every field.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from editmill.evaluators.sections import report_page, text_section
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation
from editmill.evaluators.synthesis.sections import ALL, named_accuracies, sections
from editmill.manifests import canonical_json

SCHEMA_VERSION = 1
KIND = "editmill.synthesis_evaluation"
CSV_FIELDS = (
    "model",
    "conditioning",
    "n",
    "correct",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "effective_robustness",
    "planned",
    "filled",
    "candidates",
    "acceptance",
)


def synthesis_text(evaluation: SynthesisEvaluation) -> str:
    """Return the tables, aligned, with the warnings first."""
    head = [_facts(evaluation), *(f"warning: {line}" for line in evaluation.warnings)]
    if evaluation.unguardable:
        head.append(f"excluded, as no judge knows them well enough: {', '.join(evaluation.unguardable)}")
    return "\n\n".join(["\n".join(head), *(text_section(section, shared=1) for section in sections(evaluation))]) + "\n"


def _facts(evaluation: SynthesisEvaluation) -> str:
    manifest, overall = evaluation.manifest, evaluation.overall
    filled = f"{overall.filled} of {overall.planned} quotas filled, {evaluation.duplicates} duplicates refused"
    return f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}, {filled}"


def synthesis_document(evaluation: SynthesisEvaluation) -> dict[str, Any]:
    """Return the whole evaluation as JSON values."""
    manifest = evaluation.manifest
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "dataset": {
            "name": manifest.name,
            "version": manifest.version,
            "fingerprint": manifest.fingerprint,
            "generator": manifest.generator,
        },
        **{
            name: [asdict(one) for one in getattr(evaluation, name)]
            for name in ("models", "robustness", "filling", "holes", "gates")
        },
        "unguardable": list(evaluation.unguardable),
        "duplicates": evaluation.duplicates,
        "guarded": evaluation.guarded,
        "warnings": list(evaluation.warnings),
    }


def synthesis_json(evaluation: SynthesisEvaluation) -> bytes:
    """Return the document as canonical JSON."""
    return canonical_json(synthesis_document(evaluation)) + b"\n"


def synthesis_csv(evaluation: SynthesisEvaluation) -> str:
    """Return one line per model and conditioning; what was not measured is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    filling = {one.conditioning or ALL: one for one in evaluation.filling}
    robust = {(one.model, one.conditioning or ALL): one.value for one in evaluation.robustness}
    for result in evaluation.models:
        for name, one in named_accuracies(result):
            row: dict[str, Any] = {
                "model": result.model,
                "conditioning": name,
                "n": one.n,
                "correct": one.correct,
                "accuracy": one.value,
                "accuracy_low": one.low,
                "accuracy_high": one.high,
                "effective_robustness": robust.get((result.model, name)),
            }
            if name in filling:
                row |= {
                    field: getattr(filling[name], field) for field in ("planned", "filled", "candidates", "acceptance")
                }
            writer.writerow(row)
    return buffer.getvalue()


def synthesis_html(evaluation: SynthesisEvaluation) -> str:
    """Return one page that needs nothing beside it."""
    manifest = evaluation.manifest
    title = f"{manifest.name} {manifest.version}: generated pictures"
    return report_page(title, _facts(evaluation), warnings=evaluation.warnings, sections=sections(evaluation))
