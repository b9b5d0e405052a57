"""The evaluator of latent ascents.

Accuracies are fractions in CSV and JSON, FMR is in percent; `docs/formats-fmr.md` names every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from editmill.evaluators.base import EvaluatedModel, Evaluator, Options
from editmill.evaluators.classifiers import Classifier
from editmill.evaluators.fmr.evaluation import FmrEvaluation, evaluate_fmr
from editmill.evaluators.fmr.models import load_fmr_model
from editmill.evaluators.fmr.plot import curve_plot
from editmill.evaluators.fmr.results import Point, TargetResult
from editmill.evaluators.fmr.sections import sections
from editmill.evaluators.reporting import Report, name_dataset, spread, spread_names, start_document
from editmill.manifests import Dataset

SCHEMA_VERSION = 1
KIND = "editmill.fmr_evaluation"

_COUNTS = ("n_sources", "n_eligible", "n_accepted", "n_fallback", "validation_rate", "completed")
_FIELDS = [
    *("network", "target", "model", "made_by", "budget", *_COUNTS, "generator_overlap", "guard_overlap", "sa"),
    *(*spread_names("accuracy", "fmr", "difference"), "p_value", "p_holm"),
]


class FmrEvaluator(Evaluator[FmrEvaluation]):
    """Measures models on pictures that were made against one of them."""

    kind = "fmr"
    takes = frozenset({"resamples", "seed"})

    def load_model(self, spec: str, *, class_names: Mapping[int, str], device: str) -> EvaluatedModel[Classifier]:
        """Load a classifier, or an image-text model as one; see `load_fmr_model`."""
        return load_fmr_model(spec, class_names=class_names, device=device)

    def evaluate(
        self, dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options
    ) -> FmrEvaluation:
        """Measure models; see `evaluate_fmr`."""
        return evaluate_fmr(dataset, models, options)

    def report(self, result: FmrEvaluation) -> Report:
        """Return the tables, the curves, and a line per network, target, way of making and budget."""
        manifest, guards = result.manifest, result.guard_report[:12] or "none"
        how = f"oracle {result.oracle}, mode {result.mode}, guard report {guards}"
        return Report(
            title=f"{manifest.name} {manifest.version}: foundation model-oriented robustness",
            facts=(f"{name_dataset(manifest)}; {how}; {result.resamples} resamples, seed {result.seed}",),
            warnings=result.warnings,
            plots=[curve_plot(result)],
            tables=sections(result),
            fields=_FIELDS,
            rows=[
                _row(one, name, point, last=point is curve[-1])
                for one in result.targets
                for name, curve in (("ascent", one.curve), ("random", one.random))
                for point in curve
            ],
            document=_document(result),
            predictions=result.predictions,
        )


EVALUATOR = FmrEvaluator()


def _row(one: TargetResult, name: str, point: Point, *, last: bool) -> dict[str, Any]:
    row: dict[str, Any] = {field: getattr(one, field) for field in ("network", "target", "model", *_COUNTS)}
    row |= {"made_by": name, "budget": point.budget, "sa": one.sa.value if one.sa else None}
    row |= {field: int(getattr(one, field)) for field in ("generator_overlap", "guard_overlap")}
    row |= spread("accuracy", point.pa) | spread("fmr", point.fmr)
    if last and name == "ascent":
        row |= {**spread("difference", one.difference), "p_value": one.p_value, "p_holm": one.p_holm}
    return row


def _document(evaluation: FmrEvaluation) -> dict[str, Any]:
    listed = ("targets", "transfer", "verifications")
    return {
        **start_document(evaluation.manifest, kind=KIND, schema_version=SCHEMA_VERSION),
        "options": {"resamples": evaluation.resamples, "seed": evaluation.seed},
        **{name: getattr(evaluation, name) for name in ("oracle", "mode", "guard_report")},
        "models": [{**asdict(one), "held_out": one.held_out} for one in evaluation.models],
        **{name: [asdict(one) for one in getattr(evaluation, name)] for name in listed},
        "warnings": list(evaluation.warnings),
    }
