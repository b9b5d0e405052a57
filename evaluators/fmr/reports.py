"""The results as text, CSV, JSON and HTML.

Accuracies are fractions in CSV and JSON, FMR is in percent; `docs/fmr.md` names every field.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.plot import curve_svg
from editmill.evaluators.fmr.results import Point, TargetResult
from editmill.evaluators.fmr.sections import sections
from editmill.evaluators.sections import report_page, text_section
from editmill.evaluators.statistics import Estimate
from editmill.manifests import canonical_json

SCHEMA_VERSION = 1
KIND = "editmill.fmr_evaluation"

_COUNTS = ("n_sources", "n_eligible", "n_accepted", "n_fallback", "validation_rate", "completed")
_ESTIMATES = ("accuracy", "fmr", "difference")
_FIELDS = [
    "network",
    "target",
    "model",
    "made_by",
    "budget",
    *_COUNTS,
    "generator_overlap",
    "guard_overlap",
    "sa",
    *(name + end for name in _ESTIMATES for end in ("", "_low", "_high")),
]


def fmr_text(evaluation: FmrEvaluation) -> str:
    """Return the tables, aligned, with the warnings first."""
    head = [_facts(evaluation), *(f"warning: {line}" for line in evaluation.warnings)]
    return (
        "\n\n".join(
            [
                "\n".join(head),
                *(text_section(section, shared=min(2, len(section.head) - 1)) for section in sections(evaluation)),
            ]
        )
        + "\n"
    )


def _facts(evaluation: FmrEvaluation) -> str:
    manifest, report = evaluation.manifest, evaluation.guard_report[:12] or "none"
    return (
        f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}; oracle {evaluation.oracle}, "
        f"mode {evaluation.mode}, "
        f"guard report {report}; {evaluation.resamples} resamples, seed {evaluation.seed}"
    )


def fmr_json(evaluation: FmrEvaluation) -> bytes:
    """Return the document as canonical JSON."""
    return canonical_json(fmr_document(evaluation)) + b"\n"


def fmr_document(evaluation: FmrEvaluation) -> dict[str, Any]:
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
        "options": {"resamples": evaluation.resamples, "seed": evaluation.seed},
        "oracle": evaluation.oracle,
        "mode": evaluation.mode,
        "guard_report": evaluation.guard_report,
        "models": [{**asdict(one), "held_out": one.held_out} for one in evaluation.models],
        **{
            name: [asdict(one) for one in getattr(evaluation, name)]
            for name in ("targets", "transfer", "verifications")
        },
        "warnings": list(evaluation.warnings),
    }


def fmr_csv(evaluation: FmrEvaluation) -> str:
    """Return one line per network, target, way of making and budget; what was not measured is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for one in evaluation.targets:
        for name, curve in (("ascent", one.curve), ("random", one.random)):
            writer.writerows(_csv_row(one, name, point, last=point is curve[-1]) for point in curve)
    return buffer.getvalue()


def _csv_row(one: TargetResult, name: str, point: Point, *, last: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "network": one.network,
        "target": one.target,
        "model": one.model,
        "made_by": name,
        "budget": point.budget,
    }
    row |= {count: getattr(one, count) for count in _COUNTS}
    row |= {
        "generator_overlap": int(one.generator_overlap),
        "guard_overlap": int(one.guard_overlap),
        "sa": one.sa.value if one.sa else None,
    }
    difference = one.difference if last and name == "ascent" else None
    return row | _named("accuracy", point.pa) | _named("fmr", point.fmr) | _named("difference", difference)


def _named(name: str, found: Estimate | None) -> dict[str, float]:
    return {} if found is None else {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def fmr_html(evaluation: FmrEvaluation) -> str:
    """Return one page that needs nothing beside it: warnings, the curves, and the tables."""
    manifest, plot = evaluation.manifest, curve_svg(evaluation)
    return report_page(
        f"{manifest.name} {manifest.version}: foundation model-oriented robustness",
        _facts(evaluation),
        warnings=evaluation.warnings,
        plots=f"<h2>Accuracy over the budget</h2>{plot}" if plot else "",
        sections=sections(evaluation),
    )
