"""Intervals and paired tests for accuracies and accuracy drops.

Everything here works on plain numbers and arrays. Resampling is seeded, and no result depends on the order of its
input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from editmill.evaluators.adapters.arrays import FloatArray
from editmill.manifests import RequestError

# Resamples that are held in memory at a time.
_CHUNK = 500


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: Sources it rests on.
    """

    value: float
    low: float
    high: float
    n: int


def wilson_interval(correct: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    It holds its level for small ``n`` and near 0 and 1, where the usual normal interval does not. The trials must be
    independent.

    Args:
        correct: Successes, in [0, n].
        n: Trials, at least 1.
        confidence: Coverage, in (0, 1).

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        RequestError: The counts or the confidence are out of range.
    """
    if not 0 <= correct <= n or n < 1:
        raise RequestError(f"no proportion has {correct} successes in {n} trials")
    _check_confidence(confidence)
    interval = binomtest(correct, n).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def proportion(correct: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """Return a share of independent trials with its Wilson interval; see `wilson_interval`."""
    low, high = wilson_interval(correct, n, confidence=confidence)
    return Estimate(correct / n, low, high, n)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar's test (McNemar 1947, doi:10.1007/BF02295996).

    Under the hypothesis that two conditions have equal accuracy, a pair that differs is a fair coin. The pairs must be
    independent: one pair per source.

    Args:
        only_first: Pairs that are right under the first condition alone.
        only_second: Pairs that are right under the second condition alone.

    Returns:
        The p-value; 1 when no pair differs.

    Raises:
        RequestError: A count is negative.
    """
    if only_first < 0 or only_second < 0:
        raise RequestError(f"counts of pairs are not negative, got {only_first} and {only_second}")
    # Pairs that are equal under both conditions say nothing about the difference.
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for testing several hypotheses (Holm 1979, https://www.jstor.org/stable/4615733).

    Rejecting where the adjusted value is at most alpha keeps the chance of any false rejection at most alpha, whatever
    the dependence between the tests.

    Args:
        p_values: In [0, 1].

    Returns:
        The adjusted p-values, in the same order.

    Raises:
        RequestError: A value is not in [0, 1].
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise RequestError(f"p-values lie in [0, 1], got {list(p_values)}")
    order = np.argsort(values, kind="stable")
    # A hypothesis is not rejected before those with smaller p-values, so adjusted values never fall.
    stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def paired_drop(
    before: npt.ArrayLike, after: npt.ArrayLike, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """Return the mean of ``before - after`` with a percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13).

    Sources are resampled with both of their values, so the interval profits from the pairing; a source's replicas stay
    together because ``after`` holds their mean.

    Args:
        before: Float [n], a source's accuracy in the first condition, in [0, 1].
        after: Float [n], the accuracy of the same sources in the second condition.
        confidence: Coverage, in (0, 1).
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        The drop; positive when the second condition is harder.

    Raises:
        RequestError: The arrays are empty or of different shapes, or an option is out of range.
    """
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise RequestError(f"pairs need two vectors of one length, got shapes {first.shape} and {second.shape}")
    return mean_of_means((first - second)[:, None], confidence=confidence, resamples=resamples, seed=seed)


def mean_of_means(
    values: npt.ArrayLike, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """Return the mean over columns of each column's mean over sources, with a percentile bootstrap over sources.

    Resampling whole sources keeps the correlation between columns that share them.

    Args:
        values: Float [sources, columns]; NaN where a source has no value in a column.
        confidence: Coverage, in (0, 1).
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        RequestError: A column has no value at all, or an option is out of range.
    """
    _check_confidence(confidence)
    table = np.asarray(values, dtype=np.float64)
    if table.ndim == 2:
        # Sources without any value would count in n and thin out the draws.
        table = table[~np.isnan(table).all(axis=1)]
    present = ~np.isnan(table)
    if table.ndim != 2 or not table.size or not present.any(axis=0).all():
        raise RequestError("a mean needs at least one value in every column", where=f"shape {table.shape}")
    # What is missing adds nothing to either half, so one product gives sums and numbers.
    rows = np.concatenate([np.where(present, table, 0.0), present], axis=1)
    return _bootstrap(rows, confidence=confidence, resamples=resamples, seed=seed)


def clustered_mean(
    values: npt.ArrayLike, clusters: npt.ArrayLike, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """Return the mean of values with a percentile bootstrap over their clusters, each drawn with all of its values.

    Args:
        values: Float [n].
        clusters: Int or str [n], which cluster (such as an image with several captions) each value belongs to.
        confidence: Coverage, in (0, 1).
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        The mean over values; ``n`` counts clusters.

    Raises:
        RequestError: There is no value, or an option is out of range.
    """
    _check_confidence(confidence)
    sums, counts = cluster_sums(values, clusters)
    if not sums.size:
        raise RequestError("a mean needs at least one value")
    return _bootstrap(np.stack([sums, counts], axis=1), confidence=confidence, resamples=resamples, seed=seed)


def cluster_sums(values: npt.ArrayLike, clusters: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the sum and the number of the values of each cluster, in the clusters' sorted order."""
    numbers = np.asarray(values, dtype=np.float64)
    _, position = np.unique(np.asarray(clusters), return_inverse=True)
    # Rounding depends on the order of a sum.
    order = np.lexsort((numbers, position))
    return np.asarray(np.bincount(position[order], numbers[order]), np.float64), np.bincount(position).astype(
        np.float64
    )


def _bootstrap(rows: FloatArray, *, confidence: float, resamples: int, seed: int) -> Estimate:
    """Bootstrap the mean over columns of sum / number, from rows [sources, 2 * columns]: the sums, then the
    numbers.
    """
    if resamples < 1:
        raise RequestError(f"a bootstrap needs at least one resample, got {resamples}")
    # Sources with equal rows are interchangeable, so drawing how often each distinct row occurs is the same bootstrap
    # at a cost that does not grow with the number of sources.
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    sources = len(rows)
    value = float(_column_means(counts[None].astype(np.float64), distinct).mean())
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        draws = rng.multinomial(sources, counts / sources, size=size).astype(np.float64)
        # A resample without a source of some column is the mean over the others.
        means[start : start + size] = np.nanmean(_column_means(draws, distinct), axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), sources)


def _column_means(weights: FloatArray, distinct: FloatArray) -> FloatArray:
    """Return the weighted means [draws, columns]; NaN where a draw holds no value of the column."""
    columns = distinct.shape[1] // 2
    totals = weights @ distinct
    with np.errstate(invalid="ignore"):
        return np.asarray(totals[:, :columns] / totals[:, columns:], dtype=np.float64)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise RequestError(f"a confidence lies between 0 and 1, got {confidence}")


def sign_flip(differences: npt.ArrayLike, *, resamples: int = 10_000, seed: int = 0) -> float:
    """Return the two-sided p-value of a sign-flip permutation test of the mean of paired differences (Fisher 1935).

    Under the hypothesis that two conditions are alike, each difference may as well have the other sign.

    Args:
        differences: Float [n], one per independent source.
        resamples: Random flips.
        seed: Seed of the flips.

    Returns:
        The p-value, at least 1 / (resamples + 1); 1 when all differences are zero.

    Raises:
        RequestError: There is no difference.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise RequestError(f"a sign-flip test needs a vector of differences, got shape {values.shape}")
    # Zeros are equal under every flip. Sorted, so that the order of the input changes no bit.
    values = np.sort(values[values != 0])
    if not values.size:
        return 1.0
    rng = np.random.default_rng(seed)
    observed, extreme = abs(values.sum()), 0
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        signs = rng.integers(0, 2, (size, values.size)) * 2.0 - 1.0
        # Sums of the same numbers in another order differ by rounding.
        extreme += int((np.abs(signs @ values) >= observed * (1 - 1e-12)).sum())
    # The observed signs are one of the equally likely flips; left out, they would let p reach 0.
    return (extreme + 1) / (resamples + 1)
