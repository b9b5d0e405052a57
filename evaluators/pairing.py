"""Accuracies by column, and drops paired by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from evaluators.statistics import Estimate, holm, mcnemar_exact, mean_of_means, paired_drop, wilson_interval

ORIGINAL = "original"
PASTE_BACK = "paste-back"
CONTROLS = (ORIGINAL, PASTE_BACK)


@dataclass(frozen=True)
class Column:
    """One edit at one level: a column of the papers' tables."""

    edit: str
    level: float = 0.0

    @property
    def name(self) -> str:
        """The edit, and its level unless that is 0: ``full``, ``size 0.05``."""
        return f"{self.edit} {self.level:g}" if self.level else self.edit

    @property
    def control(self) -> bool:
        """Whether the column shows what the pipeline itself does, rather than an edit under study."""
        return self.edit in CONTROLS


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
        accuracy: ``correct`` among all accepted samples, with the Wilson interval; its ``n`` counts samples.
        sources: Distinct sources; fewer than samples where sources have replicas.
        comparison: Against the unedited samples; None for those themselves, and where no source has both.
        net: Drop against the ``paste-back`` control of the same sources, which leaves out what cutting and
            pasting alone does; None for controls, and where no source has both.
    """

    column: Column
    correct: int
    accuracy: Estimate
    sources: int
    comparison: Comparison | None
    net: Estimate | None


@dataclass(frozen=True)
class Options:
    """How uncertainty is measured.

    Attributes:
        confidence: Coverage of all intervals, in (0, 1).
        resamples: Bootstrap resamples over sources.
        seed: Seed of the bootstrap.
    """

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True)
class _Outcomes:
    """Correctness by source and column: Float [sources, columns], NaN where there is no accepted sample.

    ``first`` is that of the lowest replica, ``mean`` the mean over replicas.
    """

    first: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]


def compare_columns(
    predictions: pa.Table, columns: Sequence[Column], options: Options
) -> tuple[tuple[ColumnResult, ...], Estimate | None]:
    """Work out all columns of one model.

    Pairs are complete per column: a column is compared on the sources that have an accepted sample both in it and
    unedited. Where a source has several replicas, its drop is measured on their mean and the bootstrap keeps them
    together. McNemar's test needs independent pairs, which replicas of one source are not; so it and the flip counts use one
    replica per source, the lowest. The Wilson interval takes samples as independent, and is too narrow with replicas.

    Args:
        predictions: As `evaluators.predictions.predict` returns them.
        columns: The columns, in order; those without an accepted sample are left out of the result.
        options: How uncertainty is measured.

    Returns:
        The columns, and the mean of the drops over those that are no controls (None if there is none).
    """
    correct = np.asarray(predictions["label"]) == np.asarray(predictions["predicted"])
    sources = np.unique(np.asarray(predictions["source_id"]), return_inverse=True)[1]
    edits, levels = np.asarray(predictions["edit"]), np.asarray(predictions["level"])
    members = [np.flatnonzero((edits == column.edit) & (levels == column.level)) for column in columns]
    columns, members = _non_empty(columns, members)
    outcomes = _outcomes(correct, sources, np.asarray(predictions["replica"]), members)
    original, paste_back = _position(columns, ORIGINAL), _position(columns, PASTE_BACK)
    results = []
    for index, column in enumerate(columns):
        comparison = None if column.edit == ORIGINAL else _compare(outcomes, original, index, options)
        net = None if column.control else _drop(outcomes, paste_back, index, options)
        accuracy = _accuracy(correct[members[index]], options)
        distinct = int(np.unique(sources[members[index]]).size)
        results.append(ColumnResult(column, int(correct[members[index]].sum()), accuracy, distinct, comparison, net))
    edited = [index for index, result in enumerate(results) if result.comparison and not result.column.control]
    mean = None
    if edited and original is not None:
        drops = outcomes.first[:, [original]] - outcomes.mean[:, edited]
        mean = mean_of_means(drops, confidence=options.confidence, resamples=options.resamples, seed=options.seed)
    return _correct_for_columns(results), mean


def _non_empty(
    columns: Sequence[Column], members: list[npt.NDArray[np.intp]]
) -> tuple[list[Column], list[npt.NDArray[np.intp]]]:
    kept = [index for index, rows in enumerate(members) if rows.size]
    return [columns[index] for index in kept], [members[index] for index in kept]


def _outcomes(
    correct: npt.NDArray[np.bool_],
    sources: npt.NDArray[np.intp],
    replicas: npt.NDArray[np.int64],
    members: list[npt.NDArray[np.intp]],
) -> _Outcomes:
    shape = (int(sources.max()) + 1, len(members))
    first, mean = np.full(shape, np.nan), np.full(shape, np.nan)
    for index, rows in enumerate(members):
        # Of assignments to one source the last holds, so the lowest replica goes last.
        descending = rows[np.argsort(-replicas[rows], kind="stable")]
        first[sources[descending], index] = correct[descending]
        counts = np.bincount(sources[rows], minlength=shape[0])
        totals = np.bincount(sources[rows], weights=correct[rows], minlength=shape[0])
        np.divide(totals, counts, out=mean[:, index], where=counts > 0)
    return _Outcomes(first, mean)


def _position(columns: Sequence[Column], edit: str) -> int | None:
    return next((index for index, column in enumerate(columns) if column.edit == edit), None)


def _accuracy(correct: npt.NDArray[np.bool_], options: Options) -> Estimate:
    right, n = int(correct.sum()), correct.size
    low, high = wilson_interval(right, n, confidence=options.confidence)
    return Estimate(right / n, low, high, n)


def _paired(outcomes: _Outcomes, before: int | None, after: int) -> npt.NDArray[np.bool_] | None:
    if before is None:
        return None
    both = ~np.isnan(outcomes.first[:, before]) & ~np.isnan(outcomes.first[:, after])
    return both if both.any() else None


def _drop(outcomes: _Outcomes, before: int | None, after: int, options: Options) -> Estimate | None:
    both = _paired(outcomes, before, after)
    if both is None:
        return None
    return paired_drop(
        outcomes.first[both, before],
        outcomes.mean[both, after],
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
    )


def _compare(outcomes: _Outcomes, original: int | None, after: int, options: Options) -> Comparison | None:
    both, drop = _paired(outcomes, original, after), _drop(outcomes, original, after, options)
    if both is None or drop is None:
        return None
    before_right, after_right = outcomes.first[both, original] == 1, outcomes.first[both, after] == 1
    lost, gained = int((before_right & ~after_right).sum()), int((after_right & ~before_right).sum())
    return Comparison(drop, float(before_right.mean()), lost, gained, mcnemar_exact(lost, gained))


def _correct_for_columns(results: list[ColumnResult]) -> tuple[ColumnResult, ...]:
    """Fill in Holm's correction over the columns under study."""
    family = [result.comparison for result in results if result.comparison and not result.column.control]
    adjusted = iter(holm([comparison.p_value for comparison in family]))
    return tuple(
        replace(result, comparison=replace(result.comparison, p_holm=next(adjusted)))
        if result.comparison and not result.column.control
        else result
        for result in results
    )
