"""The results for machines: CSV and JSON, in fractions. The JSON document (``SCHEMA_VERSION`` 2)::

    schema_version, kind: "editmill.evaluation"
    dataset: {name, version, fingerprint, generator}
    sources: {count, median_area: number or null, median_margin: number or null, judged: share or null}
    options: {confidence, resamples, seed}
    models: [{model, samples, mean_drop: ESTIMATE or null,
        columns: [{
            edit, level, name, control, planned: number or null, acceptance: share or null,
            samples, sources, correct, accuracy: ESTIMATE,
            comparison: null or {drop: ESTIMATE, original_accuracy, lost, gained, p_value, p_holm: number or null},
            net_drop: ESTIMATE or null, net_control: the name of a control, or null}],
        strata: [{by: "size" or "margin", name, sources, low, high, original_accuracy, mean_drop: ESTIMATE or null}],
        orders: [{name, verdict: VERDICT, steps: [{easier, harder, difference: ESTIMATE or null, verdict: VERDICT}]}]}]
    warnings: [text]

    ESTIMATE = {value, low, high, n}
    VERDICT = "yes", "no" or "unclear"

Version 2 added ``sources``, ``planned``, ``acceptance``, ``net_control``, ``strata`` and ``orders``; in version 1 every
net drop was measured against ``paste-back``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from editmill.evaluators.accuracy import Evaluation
from editmill.evaluators.cautions import find_warnings
from editmill.evaluators.orders import Order, orders
from editmill.evaluators.pairing import ColumnResult
from editmill.evaluators.sources import Sources
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.strata import strata
from editmill.evaluators.tables import check_comparable
from editmill.manifests import canonical_json

SCHEMA_VERSION = 2

_CSV_FIELDS = [
    *("model", "edit", "level", "column", "control", "planned", "acceptance", "samples", "sources", "correct"),
    *("accuracy", "accuracy_low", "accuracy_high", "pairs", "original_accuracy", "drop", "drop_low", "drop_high"),
    *("lost", "gained", "p_value", "p_holm", "net_control", "net_pairs", "net_drop", "net_drop_low", "net_drop_high"),
]


def to_csv(evaluations: Sequence[Evaluation]) -> str:
    """Write one line per model and column, as fractions; what was not measured is empty.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    check_comparable(evaluations)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for evaluation in evaluations:
        writer.writerows(_csv_row(evaluation, result) for result in evaluation.columns)
    return buffer.getvalue()


def to_json(evaluations: Sequence[Evaluation]) -> bytes:
    """Write the document described at the top of this module, as canonical JSON.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    return canonical_json(to_document(evaluations)) + b"\n"


def to_document(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Build the document that `to_json` writes."""
    check_comparable(evaluations)
    manifest = evaluations[0].manifest
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "editmill.evaluation",
        "dataset": {
            "name": manifest.name,
            "version": manifest.version,
            "fingerprint": manifest.fingerprint,
            "generator": manifest.generator,
        },
        "sources": _sources_document(evaluations[0].sources),
        "options": asdict(evaluations[0].options),
        "models": [_model_document(evaluation) for evaluation in evaluations],
        "warnings": find_warnings(evaluations),
    }


def _csv_row(evaluation: Evaluation, result: ColumnResult) -> dict[str, Any]:
    column, comparison = result.column, result.comparison
    row: dict[str, Any] = {"model": evaluation.model, "edit": column.edit, "level": column.level, "column": column.name}
    row |= {"control": int(column.control)} | _acceptance(evaluation, result)
    row |= {"samples": result.accuracy.n, "sources": result.sources}
    row |= {"correct": result.correct} | _named("accuracy", result.accuracy)
    if comparison:
        row |= {"pairs": comparison.drop.n} | _named("drop", comparison.drop)
        row |= {
            name: getattr(comparison, name) for name in ("original_accuracy", "lost", "gained", "p_value", "p_holm")
        }
    if result.net:
        row |= {"net_control": result.net_control, "net_pairs": result.net.n} | _named("net_drop", result.net)
    return row


def _acceptance(evaluation: Evaluation, result: ColumnResult) -> dict[str, Any]:
    return {"planned": evaluation.planned.get(result.column), "acceptance": evaluation.acceptance(result)}


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _sources_document(sources: Sources) -> dict[str, Any]:
    return {name: getattr(sources, name) for name in ("count", "median_area", "median_margin", "judged")}


def _model_document(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "model": evaluation.model,
        "samples": evaluation.predictions.num_rows,
        "mean_drop": asdict(evaluation.mean_drop) if evaluation.mean_drop else None,
        "columns": [_column_document(evaluation, result) for result in evaluation.columns],
        "strata": [asdict(stratum) for stratum in strata(evaluation)],
        "orders": [_order_document(order) for order in orders(evaluation)],
    }


def _column_document(evaluation: Evaluation, result: ColumnResult) -> dict[str, Any]:
    return {
        "edit": result.column.edit,
        "level": result.column.level,
        "name": result.column.name,
        "control": result.column.control,
        **_acceptance(evaluation, result),
        "samples": result.accuracy.n,
        "sources": result.sources,
        "correct": result.correct,
        "accuracy": asdict(result.accuracy),
        "comparison": asdict(result.comparison) if result.comparison else None,
        "net_drop": asdict(result.net) if result.net else None,
        "net_control": result.net_control,
    }


def _order_document(order: Order) -> dict[str, Any]:
    steps = [
        {
            "easier": step.easier.name,
            "harder": step.harder.name,
            "difference": asdict(step.difference) if step.difference else None,
            "verdict": step.verdict,
        }
        for step in order.steps
    ]
    return {"name": order.name, "verdict": order.verdict, "steps": steps}
