"""What a reader of the numbers must know before trusting them."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.evaluators.accuracy import Evaluation

FEW_PAIRS = 30
LOW_ACCURACY = 0.1


def find_warnings(evaluations: Sequence[Evaluation]) -> list[str]:
    """List the limits of some evaluations of the same samples; empty when there is nothing to say."""
    return _of_samples(evaluations[0]) + [line for evaluation in evaluations for line in _of_model(evaluation)]


def _of_samples(evaluation: Evaluation) -> list[str]:
    lines = []
    absent = _absent(evaluation)
    if absent:
        lines.append(f"no accepted sample of {', '.join(absent)}")
    compared = {result.column.name: result.comparison.drop.n for result in evaluation.columns if result.comparison}
    if not compared:
        lines.append("no unedited sample to compare with: drops need the edit 'original'")
    few = [name for name, pairs in compared.items() if pairs < FEW_PAIRS]
    if few:
        lines.append(f"n < {FEW_PAIRS}: intervals are wide ({', '.join(few)})")
    if len(set(compared.values())) > 1:
        counts = sorted(compared.values())
        lines.append(
            f"edits rest on different sources ({counts[0]} to {counts[-1]} pairs): compare their drops with care"
        )
    if any(result.column.edit == "adversarial" for result in evaluation.columns):
        lines.append(
            f"adversarial backgrounds were made against {_surrogate(evaluation)}: of that model itself their drop is "
            "a white-box figure"
        )
    replicated = [result.column.name for result in evaluation.columns if result.accuracy.n > result.sources]
    if replicated:
        lines.append(
            f"several samples per source in {', '.join(replicated)}: their top-1 intervals take samples as "
            "independent and "
            "are too narrow; drops are resampled by source"
        )
    return lines


def _surrogate(evaluation: Evaluation) -> str:
    """Return role, class and digest of the classifier that a dataset was made against."""
    role = evaluation.manifest.recipe.get("generator", {}).get("render", {}).get("surrogate", "")
    return next(
        (f"{one.role} ({one.cls}, {one.digest[:12]})" for one in evaluation.manifest.models if one.role == role),
        "a classifier",
    )


def _absent(evaluation: Evaluation) -> list[str]:
    """Return name edits without an accepted sample, and the single levels of other edits."""
    edits = {edit for edit, statuses in evaluation.manifest.counts.items() if "ok" not in statuses}
    present = {result.column for result in evaluation.columns}
    levels = {column.name for column in evaluation.planned if column not in present and column.edit not in edits}
    return sorted(edits | levels)


def _of_model(evaluation: Evaluation) -> list[str]:
    low = [
        result
        for result in evaluation.columns
        if result.column.edit == "original" and result.accuracy.value < LOW_ACCURACY
    ]
    return [
        f"{evaluation.model} has only {result.accuracy.value * 100:.1f} % on unedited samples: "
        "do its class indices mean the dataset's labels?"
        for result in low
    ]
