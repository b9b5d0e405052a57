"""The evaluator of edited photographs. Its JSON document (``SCHEMA_VERSION`` 2)::

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

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from editmill.evaluators.attribute.cautions import find_warnings
from editmill.evaluators.attribute.evaluation import AttributeEvaluation, ModelDrops, evaluate_attribute
from editmill.evaluators.attribute.export import IMAGENET_E
from editmill.evaluators.attribute.orders import Order
from editmill.evaluators.attribute.pairing import ColumnResult
from editmill.evaluators.attribute.sections import describe_sources, drop_plot, sections
from editmill.evaluators.base import EvaluatedModel, Evaluator, Options
from editmill.evaluators.classifiers import Classifier, load_identified
from editmill.evaluators.figures import counted
from editmill.evaluators.predictions import name_predictions
from editmill.evaluators.reporting import Report, name_dataset, spread, spread_names, start_document
from editmill.manifests import Dataset

SCHEMA_VERSION = 2
KIND = "editmill.evaluation"

_FIELDS = [
    *("model", "edit", "level", "column", "control", "planned", "acceptance", "samples", "sources", "correct"),
    *(*spread_names("accuracy"), "pairs", "original_accuracy", *spread_names("drop")),
    *("lost", "gained", "p_value", "p_holm", "net_control", "net_pairs", *spread_names("net_drop")),
]


class AttributeEvaluator(Evaluator[AttributeEvaluation]):
    """Measures what edits cost classifiers."""

    kind = "attribute"
    takes = frozenset({"confidence", "resamples", "seed"})
    exports = {"imagenet-e": IMAGENET_E}

    def load_model(self, spec: str, *, class_names: Mapping[int, str], device: str) -> EvaluatedModel[Classifier]:
        """Load a classifier; see `editmill.evaluators.load_classifier`."""
        return load_identified(spec, class_names=class_names, device=device)

    def evaluate(
        self, dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options
    ) -> AttributeEvaluation:
        """Measure classifiers; see `evaluate_attribute`."""
        return evaluate_attribute(dataset, models, options)

    def report(self, result: AttributeEvaluation) -> Report:
        """Return the tables, the plot of the drops, a line per model and column, and the document above."""
        manifest, options = result.manifest, result.uncertainty
        sources = f"{counted(manifest.sources.count, 'source')} ({manifest.sources.name})"
        made = f"{counted(manifest.samples, 'accepted sample')} from {sources}"
        used = f"{options.confidence * 100:g} % intervals, {options.resamples} resamples, seed {options.seed}"
        return Report(
            title=f"{manifest.name} {manifest.version}: accuracy by edit",
            facts=(
                f"{name_dataset(manifest)}; {made}, generator {manifest.generator}; {used}",
                f"sources: {describe_sources(result.sources)}",
            ),
            warnings=find_warnings(result),
            plots=[drop_plot(result)],
            tables=sections(result),
            fields=_FIELDS,
            rows=[_row(result, model, column) for model in result.models for column in model.columns],
            document=_document(result),
            predictions=name_predictions((model.model, model.predictions) for model in result.models),
        )


EVALUATOR = AttributeEvaluator()


def _row(evaluation: AttributeEvaluation, model: ModelDrops, result: ColumnResult) -> dict[str, Any]:
    column, comparison = result.column, result.comparison
    row = {"model": model.model, "edit": column.edit, "level": column.level, "column": column.name}
    row |= {"control": int(column.control), **_acceptance(evaluation, result), "samples": result.accuracy.n}
    row |= {"sources": result.sources, "correct": result.correct, **spread("accuracy", result.accuracy)}
    if comparison:
        row |= {"pairs": comparison.drop.n} | {**asdict(comparison), **spread("drop", comparison.drop)}
    if result.net:
        row |= {"net_control": result.net_control, "net_pairs": result.net.n, **spread("net_drop", result.net)}
    return row


def _acceptance(evaluation: AttributeEvaluation, result: ColumnResult) -> dict[str, Any]:
    return {"planned": evaluation.planned.get(result.column), "acceptance": evaluation.acceptance(result)}


def _document(evaluation: AttributeEvaluation) -> dict[str, Any]:
    names = ("count", "median_area", "median_margin", "judged")
    return {
        **start_document(evaluation.manifest, kind=KIND, schema_version=SCHEMA_VERSION),
        "sources": {name: getattr(evaluation.sources, name) for name in names},
        "options": asdict(evaluation.uncertainty),
        "models": [_model_document(evaluation, model) for model in evaluation.models],
        "warnings": find_warnings(evaluation),
    }


def _model_document(evaluation: AttributeEvaluation, model: ModelDrops) -> dict[str, Any]:
    return {
        "model": model.model,
        "samples": model.predictions.num_rows,
        "mean_drop": asdict(model.mean_drop) if model.mean_drop else None,
        "columns": [_column_document(evaluation, result) for result in model.columns],
        "strata": [asdict(stratum) for stratum in model.strata],
        "orders": [_order_document(order) for order in model.orders],
    }


def _column_document(evaluation: AttributeEvaluation, result: ColumnResult) -> dict[str, Any]:
    return {
        **{name: getattr(result.column, name) for name in ("edit", "level", "name", "control")},
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
