"""Accuracies by column, and drops paired by source."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from editmill.evaluators.attribute.columns import ORIGINAL, Column
from editmill.evaluators.attribute.outcomes import Outcomes
from editmill.evaluators.significance import holm, mcnemar_exact
from editmill.evaluators.statistics import DROPS, Estimate, mean_of_means, paired_drop, proportion


@dataclass(frozen=True)
class Comparison:
    """A column against the unedited samples of the same sources.

    Attributes:
        drop: Accuracy lost; its ``n`` counts the sources that have both samples.
        original_accuracy: Accuracy on the unedited samples of these sources.
        lost: Sources that are right unedited and wrong edited, by the lowest replica.
        gained: Sources that are wrong unedited and right edited.
        p_value: Exact McNemar test of ``lost`` against ``gained``.
        p_holm: The same after Holm's correction over the model's edited columns; None for a control.
    """

    drop: Estimate
    original_accuracy: float
    lost: int
    gained: int
    p_value: float
    p_holm: float | None = None


@dataclass(frozen=True)
class ColumnResult:
    """What a model does on one column.

    Attributes:
        column: The edit and its level.
        correct: Accepted samples with the right label.
        accuracy: ``correct`` among all accepted samples, with its interval; its ``n`` counts samples.
        sources: Distinct sources; fewer than samples where sources have replicas.
        comparison: Against the unedited samples; None for those themselves, and where no source has both.
        net: Drop against the control ``net_control`` of the same sources, which leaves out what the pipeline does
            without the edit; None for controls, and where no source has both.
        net_control: Name of that control; None where there is no net drop.
    """

    column: Column
    correct: int
    accuracy: Estimate
    sources: int
    comparison: Comparison | None
    net: Estimate | None
    net_control: str | None


@dataclass(frozen=True)
class Uncertainty:
    """How uncertainty is measured.

    Attributes:
        confidence: Coverage of all intervals, in (0, 1).
        resamples: Bootstrap resamples over sources.
        seed: Seed of the bootstrap.
    """

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0


def compare_columns(outcomes: Outcomes, uncertainty: Uncertainty) -> tuple[tuple[ColumnResult, ...], Estimate | None]:
    """Return all columns of one model.

    Pairs are complete per column: a column is compared on the sources that have an accepted sample both in it and
    unedited. Where a source has several replicas, its drop is measured on their mean and the bootstrap keeps them
    together. McNemar's test needs independent pairs, which replicas of one source are not; so it and the flip counts
    use one replica per source, the lowest. The interval of an accuracy takes samples as independent, and is too narrow
    with replicas.

    A net drop is measured against the first of the column's controls that the outcomes hold at all.

    Args:
        outcomes: Right and wrong answers by source and column.
        uncertainty: How it is measured.

    Returns:
        The columns, and the mean of the drops over those that are no controls (None if there is none).
    """
    original = outcomes.position(ORIGINAL)
    results = [_result(outcomes, original, index, uncertainty) for index in range(len(outcomes.columns))]
    edited = [index for index, result in enumerate(results) if result.comparison and not result.column.control]
    mean = None
    if edited and original is not None:
        # NaN where a source lacks one of the two, which leaves it out of that column alone.
        drops = outcomes.first[:, [original]] - outcomes.mean[:, edited]
        mean = mean_of_means(drops, bounds=DROPS, **asdict(uncertainty))
    return _correct_for_columns(results), mean


def paired_difference(outcomes: Outcomes, before: int | None, after: int, uncertainty: Uncertainty) -> Estimate | None:
    """Return how much accuracy is lower in one column than in another, over the sources in both.

    None if there is none.
    """
    if before is None:
        return None
    both = outcomes.paired(before, after)
    if not both.any():
        return None
    return paired_drop(outcomes.mean[both, before], outcomes.mean[both, after], **asdict(uncertainty))


def _result(outcomes: Outcomes, original: int | None, index: int, uncertainty: Uncertainty) -> ColumnResult:
    column, samples = outcomes.columns[index], outcomes.samples[:, index]
    right, n = int(outcomes.right[:, index].sum()), int(samples.sum())
    accuracy = proportion(right, n, confidence=uncertainty.confidence)
    comparison = None if column.edit == ORIGINAL else _compare(outcomes, original, index, uncertainty)
    control = next((name for name in column.net_controls if outcomes.position(name) is not None), None)
    net = paired_difference(outcomes, outcomes.position(control), index, uncertainty) if control else None
    return ColumnResult(
        column, right, accuracy, int((samples > 0).sum()), comparison, net, control if net is not None else None
    )


def _compare(outcomes: Outcomes, original: int | None, after: int, uncertainty: Uncertainty) -> Comparison | None:
    drop = paired_difference(outcomes, original, after, uncertainty)
    if original is None or drop is None:
        return None
    both = outcomes.paired(original, after)
    before_right, after_right = outcomes.first[both, original] == 1, outcomes.first[both, after] == 1
    lost, gained = int((before_right & ~after_right).sum()), int((after_right & ~before_right).sum())
    return Comparison(drop, float(before_right.mean()), lost, gained, mcnemar_exact(lost, gained))


def _correct_for_columns(results: list[ColumnResult]) -> tuple[ColumnResult, ...]:
    """Fill in Holm's correction over the columns under study."""
    # Controls are no hypotheses under study; counting them would only cost the others power.
    family = [result.comparison for result in results if result.comparison and not result.column.control]
    adjusted = iter(holm([comparison.p_value for comparison in family]))
    return tuple(
        replace(result, comparison=replace(result.comparison, p_holm=next(adjusted)))
        if result.comparison and not result.column.control
        else result
        for result in results
    )
