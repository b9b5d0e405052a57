"""What a reader of the numbers must know before trusting them."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.evaluators.attribute.columns import ORIGINAL
from editmill.evaluators.attribute.evaluation import AttributeEvaluation, ModelDrops
from editmill.evaluators.attribute.pairing import ColumnResult

FEW_PAIRS = 30
# So low on unedited samples, a model most likely numbers the classes otherwise.
LOW_ACCURACY = 0.1


def find_warnings(evaluation: AttributeEvaluation) -> list[str]:
    """List the limits of an evaluation; empty when there is nothing to say."""
    columns = evaluation.models[0].columns
    lines = [] if not (absent := _absent(evaluation)) else [f"no accepted sample of {', '.join(absent)}"]
    lines += _of_pairs({result.column.name: result.comparison.drop.n for result in columns if result.comparison})
    if any(result.column.edit == "adversarial" for result in columns):
        lines.append(
            f"adversarial backgrounds were made against {_surrogate(evaluation)}: of that model itself their drop is "
            "a white-box figure"
        )
    lines += _of_replicas(columns)
    return lines + [line for model in evaluation.models for line in _of_model(model)]


def _of_pairs(compared: dict[str, int]) -> list[str]:
    lines = [] if compared else ["no unedited sample to compare with: drops need the edit 'original'"]
    few = [name for name, pairs in compared.items() if pairs < FEW_PAIRS]
    if few:
        lines.append(f"n < {FEW_PAIRS}: intervals are wide ({', '.join(few)})")
    if len(set(compared.values())) > 1:
        counts = sorted(compared.values())
        lines.append(
            f"edits rest on different sources ({counts[0]} to {counts[-1]} pairs): compare their drops with care"
        )
    return lines


def _of_replicas(columns: Sequence[ColumnResult]) -> list[str]:
    replicated = [result.column.name for result in columns if result.accuracy.n > result.sources]
    if not replicated:
        return []
    return [
        f"several samples per source in {', '.join(replicated)}: their top-1 intervals take samples as independent and "
        "are too narrow; drops are resampled by source"
    ]


def _surrogate(evaluation: AttributeEvaluation) -> str:
    """Return the role, class and digest of the classifier that a dataset was made against."""
    role = evaluation.manifest.recipe.get("generator", {}).get("render", {}).get("surrogate", "")
    return next(
        (f"{one.role} ({one.cls}, {one.digest[:12]})" for one in evaluation.manifest.models if one.role == role),
        "a classifier",
    )


def _absent(evaluation: AttributeEvaluation) -> list[str]:
    """Return edits without an accepted sample, and the single levels of other edits."""
    edits = {edit for edit, statuses in evaluation.manifest.counts.items() if "ok" not in statuses}
    present = {result.column for result in evaluation.models[0].columns}
    levels = {column.name for column in evaluation.planned if column not in present and column.edit not in edits}
    return sorted(edits | levels)


def _of_model(model: ModelDrops) -> list[str]:
    return [
        f"{model.model} has only {result.accuracy.value * 100:.1f} % on unedited samples: do its class indices mean "
        "the dataset's labels?"
        for result in model.columns
        if result.column.edit == ORIGINAL and result.accuracy.value < LOW_ACCURACY
    ]
