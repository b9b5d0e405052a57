"""The results as text, CSV, JSON and HTML.

Shares are fractions in CSV and JSON; `docs/formats-watermark.md` names every field.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from html import escape
from typing import Any

from editmill.evaluators.sections import report_page, text_section
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation
from editmill.evaluators.watermark.plot import QUALITY, STRENGTH, plot_svg
from editmill.evaluators.watermark.rates import Rate
from editmill.evaluators.watermark.sections import sections, tier_label
from editmill.manifests import canonical_json

SCHEMA_VERSION = 1
KIND = "editmill.watermark_evaluation"

# A rate or an estimate takes three columns, the ends under these endings.
_ENDS = ("", "_low", "_high")
_LEVELS = ("1", "01")


def watermark_text(evaluation: WatermarkEvaluation) -> str:
    """Return the tables, aligned, with the warnings first."""
    head = [_facts(evaluation), tier_label(evaluation), *(f"warning: {line}" for line in evaluation.warnings)]
    return (
        "\n\n".join(
            [
                "\n".join(head),
                *(text_section(section, shared=min(2, len(section.head) - 1)) for section in sections(evaluation)),
            ]
        )
        + "\n"
    )


def _facts(evaluation: WatermarkEvaluation) -> str:
    manifest = evaluation.manifest
    samples = f"{evaluation.accepted} of {evaluation.planned} planned samples of {evaluation.sources} sources"
    options = f"{evaluation.resamples} resamples, seed {evaluation.seed}"
    return f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}, {samples}; {options}"


def watermark_json(evaluation: WatermarkEvaluation) -> bytes:
    """Return the document as canonical JSON."""
    return canonical_json(watermark_document(evaluation)) + b"\n"


def watermark_document(evaluation: WatermarkEvaluation) -> dict[str, Any]:
    """Return the whole evaluation as JSON values."""
    manifest = evaluation.manifest
    listed = (
        "schemes",
        "attacks",
        "empty_cells",
        "gates",
        "doses",
        "violations",
        "nulls",
        "quality",
        "survival",
        "breaking",
        "strata",
        "replicates",
        "detectors",
        "failures",
    )
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
        "sources": evaluation.sources,
        "planned": evaluation.planned,
        "accepted": evaluation.accepted,
        "tier": evaluation.tier,
        "control": evaluation.control,
        "headline": evaluation.headline,
        "cells": [_cell(cell) for cell in evaluation.cells],
        **{name: [asdict(one) for one in getattr(evaluation, name)] for name in listed},
        "warnings": list(evaluation.warnings),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    document = {one.name: getattr(cell, one.name) for one in fields(cell) if one.name != "families"}
    nested = {name: [asdict(one) for one in document[name]] for name in ("dropped", "views")}
    return {**document, **nested, "bit_accuracy": asdict(cell.bit_accuracy)}


def watermark_csv(evaluation: WatermarkEvaluation) -> str:
    """Return one line per scheme and rung; what was not measured is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, csv_fields(evaluation), lineterminator="\n")
    writer.writeheader()
    quality = {(one.scheme, one.rung): one.measures for one in evaluation.quality}
    for cell in evaluation.cells:
        measures = [_named(measure.name, measure.value) for measure in quality.get((cell.scheme, cell.rung), ())]
        row = _csv_cell(cell) | {"gate": evaluation.gate(cell.scheme).status, "tier": evaluation.tier}
        writer.writerow({name: value for part in (row, *measures) for name, value in part.items()})
    return buffer.getvalue()


def csv_fields(evaluation: WatermarkEvaluation) -> list[str]:
    """Return columns of `watermark_csv`."""
    rates = [f"{name}_{level}" for level in _LEVELS for name in ("tpr", "fpr", "exact_tpr")]
    views = [
        f"{view}_{name}"
        for view in ("removal", "spoofing")
        for name in ("auroc", *(f"{rate}_1" for rate in ("tpr", "fpr")))
    ]
    names = [
        "bit_accuracy",
        "auroc",
        *rates,
        *views,
        *sorted({measure.name for one in evaluation.quality for measure in one.measures}),
    ]
    plain = [
        "scheme",
        "rung",
        "start",
        "ladder",
        "strength",
        "timestep",
        "sqrt_alpha_bar",
        "snr",
        "gate",
        "tier",
        "n",
        "errors",
        "negative_errors",
    ]
    plain += [
        "dropped",
        "median_log10_p",
        "margin_bits",
        *(f"{name}_{level}" for level in _LEVELS for name in ("threshold", "true_level")),
    ]
    return [*plain, *(name + end for name in names for end in _ENDS)]


def _csv_cell(cell: Cell) -> dict[str, Any]:
    plain = [
        "scheme",
        "rung",
        "start",
        "strength",
        "timestep",
        "sqrt_alpha_bar",
        "snr",
        "n",
        "errors",
        "negative_errors",
    ]
    plain += ["median_log10_p", "margin_bits"]
    row = {name: getattr(cell, name) for name in plain} | {
        "ladder": int(cell.ladder),
        "dropped": sum(one.count for one in cell.dropped),
    }
    row |= _named("bit_accuracy", cell.bit_accuracy) | _named("auroc", cell.combined.auroc)
    for name, level in zip(_LEVELS, cell.combined.levels, strict=True):
        row |= {f"threshold_{name}": level.threshold, f"true_level_{name}": level.true_level}
        row |= (
            _named(f"tpr_{name}", level.tpr)
            | _named(f"fpr_{name}", level.fpr)
            | _named(f"exact_tpr_{name}", level.exact_tpr)
        )
    for view in (view for view in cell.views if view.name != "combined"):
        first = view.levels[0]
        row |= (
            _named(f"{view.name}_auroc", view.auroc)
            | _named(f"{view.name}_tpr_1", first.tpr)
            | _named(f"{view.name}_fpr_1", first.fpr)
        )
    return row


def _named(name: str, found: Rate | Estimate) -> dict[str, float]:
    return dict(zip((name + end for end in _ENDS), (found.value, found.low, found.high), strict=True))


def watermark_html(evaluation: WatermarkEvaluation) -> str:
    """Return one page that needs nothing beside it: warnings, both plots, and the tables."""
    manifest, plots = evaluation.manifest, ""
    for kind, title in ((STRENGTH, "Detection over strength"), (QUALITY, "Detection over lost quality")):
        plot = plot_svg(evaluation, kind=kind)
        plots += f"<h2>{title}</h2>{plot}" if plot else ""
    return report_page(
        f"{manifest.name} {manifest.version}: watermarks under regeneration",
        _facts(evaluation),
        warnings=evaluation.warnings,
        plots=plots,
        sections=sections(evaluation),
        lead=f"<p><b>{escape(tier_label(evaluation))}</b></p>",
    )
