"""The evaluator of generated pictures.

Shares are fractions in CSV and JSON; `docs/formats-synthesis.md` names every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from editmill.evaluators.base import EvaluatedModel, Evaluator, Options
from editmill.evaluators.classifiers import Classifier, load_identified
from editmill.evaluators.reporting import Report, name_dataset, spread, spread_names, start_document
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation, evaluate_synthesis
from editmill.evaluators.synthesis.filling import find_holes
from editmill.evaluators.synthesis.rows import read_rows
from editmill.evaluators.synthesis.sections import ALL, named_accuracies, sections
from editmill.manifests import Dataset

SCHEMA_VERSION = 2
KIND = "editmill.synthesis_evaluation"

_FILLING = ("planned", "filled", "candidates", "acceptance")
_COMPARED = ("lost", "gained", "p_value", "p_holm")
_FIELDS = [
    *("model", "baseline", "conditioning", "n", "correct", *spread_names("accuracy"), "paired_by", "pairs"),
    *(*spread_names("drop"), *_COMPARED, *spread_names("effective_robustness"), "baselines", *_FILLING),
]


class SynthesisEvaluator(Evaluator[SynthesisEvaluation]):
    """Measures classifiers on generated pictures, and what their guards let pass."""

    kind = "synthesis"
    takes = frozenset({"baseline", "resamples", "seed"})

    def load_model(self, spec: str, *, class_names: Mapping[int, str], device: str) -> EvaluatedModel[Classifier]:
        """Load a classifier; see `editmill.evaluators.load_classifier`."""
        return load_identified(spec, class_names=class_names, device=device)

    def evaluate(
        self, dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options
    ) -> SynthesisEvaluation:
        """Measure classifiers; see `evaluate_synthesis`."""
        return evaluate_synthesis(dataset, models, options)

    def remarks(self, dataset: Dataset) -> list[str]:
        """Return a line per class and conditioning that lacks samples, with what ended the search."""
        return [
            f"hole: {hole.class_name}, {hole.conditioning}: {hole.missing} of {hole.planned} missing "
            f"({', '.join((*hole.stops, *hole.reasons))})"
            for hole in find_holes(read_rows(dataset))
        ]

    def report(self, result: SynthesisEvaluation) -> Report:
        """Return the tables, and a line per model and conditioning."""
        manifest, overall = result.manifest, result.overall
        filled = f"{overall.filled} of {overall.planned} quotas filled, {result.duplicates} duplicates refused"
        facts = [f"{name_dataset(manifest)}, {filled}; {result.resamples} resamples, seed {result.seed}"]
        if result.unguardable:
            facts.append(f"excluded, as no judge knows them well enough: {', '.join(result.unguardable)}")
        return Report(
            title=f"{manifest.name} {manifest.version}: generated pictures",
            facts=facts,
            warnings=result.warnings,
            tables=sections(result),
            fields=_FIELDS,
            rows=_rows(result),
            document=_document(result),
            predictions=result.predictions,
        )


EVALUATOR = SynthesisEvaluator()


def _rows(evaluation: SynthesisEvaluation) -> list[dict[str, Any]]:
    filling = {one.conditioning or ALL: one for one in evaluation.filling}
    robust = {(one.model, one.conditioning or ALL): one for one in evaluation.robustness}
    rows: list[dict[str, Any]] = []
    for result in evaluation.models:
        for name, one in named_accuracies(result):
            row = {"model": result.model, "baseline": int(result.baseline), "conditioning": name}
            row |= {"n": one.n, "correct": one.correct, **spread("accuracy", one)}
            if compared := result.comparisons.get(name):
                row |= {"paired_by": compared.by, "pairs": compared.drop.n, **spread("drop", compared.drop)}
                row |= {field: getattr(compared, field) for field in _COMPARED}
            if found := robust.get((result.model, name)):
                row |= {**spread("effective_robustness", found), "baselines": found.baselines}
            if name in filling:
                row |= {field: getattr(filling[name], field) for field in _FILLING}
            rows.append(row)
    return rows


def _document(evaluation: SynthesisEvaluation) -> dict[str, Any]:
    listed = ("models", "robustness", "filling", "holes", "gates")
    return {
        **start_document(evaluation.manifest, kind=KIND, schema_version=SCHEMA_VERSION),
        "options": {"resamples": evaluation.resamples, "seed": evaluation.seed},
        **{name: [asdict(one) for one in getattr(evaluation, name)] for name in listed},
        "unguardable": list(evaluation.unguardable),
        "duplicates": evaluation.duplicates,
        "guarded": evaluation.guarded,
        "warnings": list(evaluation.warnings),
    }
