"""The evaluator of edited captions.

Shares are fractions in CSV and JSON; `docs/formats-captions.md` names every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.base import EvaluatedModel, Evaluator, Options
from editmill.evaluators.image_text.models import TextModel, load_text_model
from editmill.evaluators.image_text.pairs import PairClassifier
from editmill.evaluators.reporting import Report, name_dataset, spread, spread_names, start_document
from editmill.evaluators.text.classification import ClassResult
from editmill.evaluators.text.evaluation import TextEvaluation, TextModelResult, evaluate_text
from editmill.evaluators.text.export import XMAI_CSV
from editmill.evaluators.text.measures import EditMeasures
from editmill.evaluators.text.retrieval import RetrievalResult
from editmill.evaluators.text.sections import drop_plots, headline, sections
from editmill.manifests import Dataset

SCHEMA_VERSION = 2
KIND = "editmill.text_evaluation"

_FIELDS = [
    *("model", "held_out", "overlap", "undecided", "edit", "planned", "edited", "failed", "failed_reasons"),
    *(*spread_names("precision"), "pool", "captions", "cut", *spread_names("mrr"), "recall_1", "recall_5", "recall_10"),
    *(*spread_names("drop"), "edited_drop", "p_value", "p_holm", "mrr_compat", "labelled", "accuracy", "macro_f1"),
    *("recall_entailment", "recall_neutral", "recall_contradiction", *spread_names("accuracy_drop")),
    *("accuracy_p_value", "accuracy_p_holm"),
]


class TextEvaluator(Evaluator[TextEvaluation]):
    """Measures image-text models on edited captions, and the edits themselves."""

    kind = "text"
    takes = frozenset({"images", "resamples"})
    exports = {"xmai-csv": XMAI_CSV}

    def load_model(
        self, spec: str, *, class_names: Mapping[int, str], device: str
    ) -> EvaluatedModel[TextModel | PairClassifier]:
        """Load an image-text model or a classifier of pairs; see `load_text_model`."""
        model = load_text_model(spec, device=device)
        return EvaluatedModel(model.name, model, model.id, model.digest)

    def evaluate(
        self, dataset: Dataset, models: Sequence[EvaluatedModel[TextModel | PairClassifier]], options: Options
    ) -> TextEvaluation:
        """Measure models; see `evaluate_text`."""
        return evaluate_text(dataset, models, options)

    def report(self, result: TextEvaluation) -> Report:
        """Return the tables, a plot per model, and a line per model and edit; without models one per edit."""
        manifest = result.manifest
        return Report(
            title=f"{manifest.name} {manifest.version}: edited captions",
            facts=(f"{name_dataset(manifest)}, {result.captions} captions, {result.images} images",),
            lead=headline(result) if result.models else "",
            plots=drop_plots(result),
            tables=sections(result),
            fields=_FIELDS,
            rows=[_row(result, one, model) for one in result.measures for model in result.models or (None,)],
            document=_document(result),
            predictions=_predictions(result.models),
        )


EVALUATOR = TextEvaluator()


def _predictions(models: Sequence[TextModelResult]) -> pa.Table | None:
    """Return the ranks under all models that searched; None without one."""
    searched = [model.predictions for model in models if model.results]
    return pa.concat_tables(searched) if searched else None


def _row(evaluation: TextEvaluation, one: EditMeasures, model: TextModelResult | None) -> dict[str, Any]:
    reasons = " ".join(f"{reason}:{count}" for reason, count in one.failed.items())
    row: dict[str, Any] = {"edit": one.edit, "planned": one.planned, "edited": one.edited}
    row |= {"failed": sum(one.failed.values()), "failed_reasons": reasons, **spread("precision", one.precision)}
    if model is None:
        return row
    row |= {"model": model.model, "held_out": model.held_out, "overlap": " ".join(model.overlap)}
    row |= {"undecided": " ".join(model.undecided), "cut": None if model.cut is None else model.cut[one.edit]}
    for result in (result for result in model.results if result.edit == one.edit):
        row |= {"pool": evaluation.pool, **_retrieval_fields(result)}
    for found in (found for found in model.classes if found.edit == one.edit):
        row |= _class_fields(found)
    return row


def _retrieval_fields(result: RetrievalResult) -> dict[str, Any]:
    return {
        **{name: getattr(result, name) for name in ("captions", "p_value", "p_holm")},
        **spread("mrr", result.mrr),
        **spread("drop", result.drop),
        **{f"recall_{k}": value for k, value in result.recall.items()},
        "edited_drop": result.edited_drop.value if result.edited_drop else None,
        "mrr_compat": result.compat,
    }


def _class_fields(result: ClassResult) -> dict[str, Any]:
    return {
        "labelled": result.captions,
        "accuracy": result.accuracy,
        "macro_f1": result.macro_f1,
        **spread("accuracy_drop", result.drop),
        **{f"recall_{label}": value for label, value in result.recall.items()},
        "accuracy_p_value": result.p_value,
        "accuracy_p_holm": result.p_holm,
    }


def _document(evaluation: TextEvaluation) -> dict[str, Any]:
    return {
        **start_document(evaluation.manifest, kind=KIND, schema_version=SCHEMA_VERSION),
        **{name: getattr(evaluation, name) for name in ("captions", "images", "searched", "pool")},
        "measures": [asdict(one) for one in evaluation.measures],
        "models": [_model_document(model) for model in evaluation.models],
        "headline": evaluation.headline.model if evaluation.headline else None,
    }


def _model_document(model: TextModelResult) -> dict[str, Any]:
    retrieval = [
        {**asdict(result), "recall": {str(k): value for k, value in result.recall.items()}} for result in model.results
    ]
    return {
        **{name: getattr(model, name) for name in ("model", "held_out", "cut")},
        **{name: list(getattr(model, name)) for name in ("overlap", "undecided")},
        "results": retrieval,
        "classes": [asdict(one) for one in model.classes],
    }
