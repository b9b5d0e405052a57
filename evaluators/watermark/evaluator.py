"""The evaluator of regenerated watermarks.

Shares are fractions in CSV and JSON; `docs/formats-watermark.md` names every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from editmill.evaluators.base import EvaluatedModel, Evaluator, Options
from editmill.evaluators.reporting import Report, name_dataset, spread, spread_names, start_document
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.detectors import NamedDetector, load_detector
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation, evaluate_watermark
from editmill.evaluators.watermark.plot import QUALITY, STRENGTH, tpr_plot
from editmill.evaluators.watermark.sections import sections, tier_label
from editmill.manifests import Dataset

SCHEMA_VERSION = 1
KIND = "editmill.watermark_evaluation"

# The nominal levels, as CSV fields name them.
_LEVELS = ("1", "01")
_REALISED = ("strength", "timestep", "sqrt_alpha_bar", "snr")
_ERRORS = ("n", "errors", "negative_errors")
_BITS = ("median_log10_p", "margin_bits")
_LISTED = (
    *("schemes", "attacks", "empty_cells", "gates", "doses", "violations", "nulls", "quality", "survival", "breaking"),
    *("strata", "replicates", "detectors", "failures"),
)


class WatermarkEvaluator(Evaluator[WatermarkEvaluation]):
    """Measures what is read of watermarks; their own decoders have been asked already, so that it needs no model."""

    kind = "watermark"
    needs_models = False
    takes = frozenset({"resamples", "seed"})

    def load_model(self, spec: str, *, class_names: Mapping[int, str], device: str) -> EvaluatedModel[NamedDetector]:
        """Load a detector of a third party; see `load_detector`."""
        detector = load_detector(spec)
        return EvaluatedModel(detector.name, detector)

    def evaluate(
        self, dataset: Dataset, models: Sequence[EvaluatedModel[NamedDetector]], options: Options
    ) -> WatermarkEvaluation:
        """Measure schemes and detectors; see `evaluate_watermark`."""
        return evaluate_watermark(dataset, models, options)

    def report(self, result: WatermarkEvaluation) -> Report:
        """Return the tables, both plots, and a line per scheme and rung."""
        manifest = result.manifest
        samples = f"{result.accepted} of {result.planned} planned samples of {result.sources} sources"
        return Report(
            title=f"{manifest.name} {manifest.version}: watermarks under regeneration",
            facts=(f"{name_dataset(manifest)}, {samples}; {result.resamples} resamples, seed {result.seed}",),
            lead=tier_label(result),
            warnings=result.warnings,
            plots=[tpr_plot(result, kind=kind) for kind in (STRENGTH, QUALITY)],
            tables=sections(result),
            fields=_fields(result),
            rows=_rows(result),
            document=_document(result),
        )


EVALUATOR = WatermarkEvaluator()


def _fields(evaluation: WatermarkEvaluation) -> list[str]:
    names = ["bit_accuracy", "auroc", *(f"{name}_{level}" for level in _LEVELS for name in ("tpr", "fpr", "exact_tpr"))]
    names += [f"{view}_{name}" for view in ("removal", "spoofing") for name in ("auroc", "tpr_1", "fpr_1")]
    names += sorted({measure.name for one in evaluation.quality for measure in one.measures})
    thresholds = [f"{name}_{level}" for level in _LEVELS for name in ("threshold", "true_level")]
    plain = ["scheme", "rung", "start", "ladder", *_REALISED, "gate", "tier", *_ERRORS, "dropped", *_BITS]
    return [*plain, *thresholds, *spread_names(*names)]


def _rows(evaluation: WatermarkEvaluation) -> list[dict[str, Any]]:
    quality = {(one.scheme, one.rung): one.measures for one in evaluation.quality}
    rows = []
    for cell in evaluation.cells:
        row = _cell_fields(cell) | {"gate": evaluation.gate(cell.scheme).status, "tier": evaluation.tier}
        for measure in quality.get((cell.scheme, cell.rung), ()):
            row |= spread(measure.name, measure.value)
        rows.append(row)
    return rows


def _cell_fields(cell: Cell) -> dict[str, Any]:
    row = {name: getattr(cell, name) for name in ("scheme", "rung", "start", *_REALISED, *_ERRORS, *_BITS)}
    row |= {"ladder": int(cell.ladder), "dropped": sum(one.count for one in cell.dropped)}
    row |= spread("bit_accuracy", cell.bit_accuracy) | spread("auroc", cell.combined.auroc)
    for name, level in zip(_LEVELS, cell.combined.levels, strict=True):
        row |= {f"threshold_{name}": level.threshold, f"true_level_{name}": level.true_level}
        for rate in ("tpr", "fpr", "exact_tpr"):
            row |= spread(f"{rate}_{name}", getattr(level, rate))
    for view in (view for view in cell.views if view.name != "combined"):
        first = view.levels[0]
        row |= spread(f"{view.name}_auroc", view.auroc) | spread(f"{view.name}_tpr_1", first.tpr)
        row |= spread(f"{view.name}_fpr_1", first.fpr)
    return row


def _document(evaluation: WatermarkEvaluation) -> dict[str, Any]:
    plain = ("sources", "planned", "accepted", "tier", "control", "headline")
    return {
        **start_document(evaluation.manifest, kind=KIND, schema_version=SCHEMA_VERSION),
        "options": {"resamples": evaluation.resamples, "seed": evaluation.seed},
        **{name: getattr(evaluation, name) for name in plain},
        "cells": [_cell_document(cell) for cell in evaluation.cells],
        **{name: [asdict(one) for one in getattr(evaluation, name)] for name in _LISTED},
        "warnings": list(evaluation.warnings),
    }


def _cell_document(cell: Cell) -> dict[str, Any]:
    document = {one.name: getattr(cell, one.name) for one in fields(cell) if one.name != "families"}
    nested = {name: [asdict(one) for one in document[name]] for name in ("dropped", "views")}
    return {**document, **nested, "bit_accuracy": asdict(cell.bit_accuracy)}
