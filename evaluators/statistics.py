"""Intervals of accuracies and accuracy drops.

Everything here works on plain numbers and arrays. Resampling is seeded, and no result depends on the order of its
input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Its parts load when they are first used: what only looks at a dataset needs none.
import scipy

from editmill.evaluators.adapters.arrays import FloatArray, IntArray
from editmill.manifests import RequestError

# Resamples that are held in memory at a time.
_CHUNK = 500
# Sources under which no interval is an approximation: it is exact, or there is none.
LEAST_SOURCES = 20
# Of so few sources that differ from all others, no sign test reaches 5 %, and resamples often hold none.
_LEAST_MOVED = 6
# Widths and numbers that differ by no more are equal.
ROUNDING = 1e-12

# Least and largest possible value.
Bounds = tuple[float, float]
SHARES: Bounds = (0.0, 1.0)
DROPS: Bounds = (-1.0, 1.0)


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval; None where there are too few sources for one.
        high: Upper end of the interval; None like ``low``.
        n: Sources it rests on.
    """

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def drawn(self) -> tuple[float, float]:
        """The interval as plots draw it: without length where there is none."""
        return (self.value, self.value) if self.low is None or self.high is None else (self.low, self.high)


def proportion_interval(correct: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a proportion of independent trials.

    It is exact (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404) under ``LEAST_SOURCES`` trials and where all or no
    trials succeed, else the score interval (Wilson 1927, doi:10.1080/01621459.1927.10502953).

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
    exact = n < LEAST_SOURCES or correct in (0, n)
    interval = scipy.stats.binomtest(correct, n).proportion_ci(confidence, method="exact" if exact else "wilson")
    return float(interval.low), float(interval.high)


def proportion(correct: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """Return a share of independent trials with its interval; see `proportion_interval`."""
    low, high = proportion_interval(correct, n, confidence=confidence)
    return Estimate(correct / n, low, high, n)


def too_few(sources: int, moved: int) -> bool:
    """Whether a bootstrap over ``sources``, of which ``moved`` differ from all others, says too little."""
    return sources < LEAST_SOURCES or moved < _LEAST_MOVED


def bounded_interval(
    value: float, n: float, *, bounds: Bounds = SHARES, confidence: float = 0.95
) -> tuple[float, float]:
    """Return an interval that holds its level for every ``n``, by the bound of Hoeffding (1963, theorem 1,
    doi:10.1080/01621459.1963.10500830).

    It holds for the mean of ``n`` independent values of any distribution within the bounds, and for an area under the
    ROC, of which ``n`` is then the smaller number of samples, or half the number of sources where both samples of a
    source are in it. With all values at one bound it equals Clopper & Pearson's. It never has the width 0; between the
    bounds it is wide.

    Args:
        value: The mean or area, within the bounds.
        n: Independent values. With unequal weights, which sum to 1, the reciprocal of the largest.
        bounds: Least and largest possible value.
        confidence: Coverage, in (0, 1).

    Raises:
        RequestError: The value lies outside of the bounds, or an option is out of range.
    """
    _check_confidence(confidence)
    least, most = bounds
    if not least <= value <= most or not least < most or not n > 0:
        raise RequestError(f"no mean of {n} values within [{least:g}, {most:g}] is {value:g}")
    share, allowed = (value - least) / (most - least), float(np.log(2 / (1 - confidence)) / n)

    def excess(true: float) -> float:
        return float(scipy.special.rel_entr(share, true) + scipy.special.rel_entr(1 - share, 1 - true)) - allowed

    bottom, top = np.finfo(float).tiny, np.nextafter(1.0, 0.0)
    low = scipy.optimize.brentq(excess, bottom, share) if share > 0 and excess(bottom) > 0 else 0.0
    high = scipy.optimize.brentq(excess, share, top) if share < 1 and excess(top) > 0 else 1.0
    return least + low * (most - least), least + high * (most - least)


def paired_drop(
    before: npt.ArrayLike, after: npt.ArrayLike, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """Return the mean of ``before - after`` with an interval over sources; see `mean_of_means`.

    Sources are resampled with both of their values, so the interval profits from the pairing; a source's replicas stay
    together because ``after`` holds their mean.

    Args:
        before: Float [n], a source's accuracy in the first condition, in [0, 1].
        after: Float [n], the accuracy of the same sources in the second condition, in [0, 1].
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
    differences = (first - second)[:, None]
    return mean_of_means(differences, bounds=DROPS, confidence=confidence, resamples=resamples, seed=seed)


def mean_of_means(
    values: npt.ArrayLike,
    *,
    bounds: Bounds | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """Return the mean over columns of each column's mean over sources, with an interval over sources.

    It is a percentile bootstrap (Efron & Tibshirani 1993, chapter 13); resampling whole sources keeps the correlation
    between columns that share them. Where a column has fewer than ``LEAST_SOURCES`` sources, or hardly any source
    differs from the others, resamples say too little: the interval is then that of `bounded_interval`, or none where
    values have no bounds.

    Args:
        values: Float [sources, columns]; NaN where a source has no value in a column.
        bounds: Least and largest possible value; None where there are none.
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
    sums = np.where(present, table, 0.0)
    means = _Means(sums, np.maximum(sums, 0), present.astype(np.float64))
    return means.estimate(bounds, confidence=confidence, resamples=resamples, seed=seed)


def clustered_mean(
    values: npt.ArrayLike,
    clusters: npt.ArrayLike,
    *,
    bounds: Bounds | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """Return the mean of values with an interval over their clusters, each drawn with all of its values.

    It is that of `mean_of_means`, with clusters for sources.

    Args:
        values: Float [n].
        clusters: Int or str [n], which cluster (such as an image with several captions) each value belongs to.
        bounds: Least and largest possible value; None where there are none.
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
    positive, _ = cluster_sums(np.maximum(values, 0), clusters)
    means = _Means(sums[:, None], positive[:, None], counts[:, None])
    return means.estimate(bounds, confidence=confidence, resamples=resamples, seed=seed)


def cluster_sums(values: npt.ArrayLike, clusters: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the sum and the number of the values of each cluster, in the clusters' sorted order."""
    numbers = np.asarray(values, dtype=np.float64)
    _, position = np.unique(np.asarray(clusters), return_inverse=True)
    # Rounding depends on the order of a sum.
    order = np.lexsort((numbers, position))
    return np.asarray(np.bincount(position[order], numbers[order]), np.float64), np.bincount(position).astype(
        np.float64
    )


@dataclass(frozen=True)
class _Means:
    """Sums of the values of each source in each column, sums of those above zero, and numbers of values; all float
    [sources, columns].
    """

    sums: FloatArray
    positive: FloatArray
    numbers: FloatArray

    def estimate(self, bounds: Bounds | None, *, confidence: float, resamples: int, seed: int) -> Estimate:
        """Return the mean over columns of sum / number with its interval; see `mean_of_means`."""
        sources = len(self.sums)
        value, positive = (
            float((part.sum(axis=0) / self.numbers.sum(axis=0)).mean()) for part in (self.sums, self.positive)
        )
        low, high = self._bootstrap(confidence, resamples, seed)
        if self._few() or high - low < ROUNDING:
            if bounds is None:
                return Estimate(value, None, None, sources)
            # The column with the heaviest source decides.
            n = float((self.numbers.sum(axis=0) / self.numbers.max(axis=0)).min())
            low, high = _exact(positive, positive - value, n, bounds, confidence)
        return Estimate(value, low, high, sources)

    def _few(self) -> bool:
        """Whether there are too few sources for a bootstrap, or too few that differ from the others."""
        own = np.round(self.sums.sum(axis=1) / self.numbers.sum(axis=1), 12)
        moved = len(own) - int(np.unique(own, return_counts=True)[1].max())
        return too_few(int((self.numbers > 0).sum(axis=0).min()), moved)

    def _bootstrap(self, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
        """Return the percentiles of resampled means."""
        if resamples < 1:
            raise RequestError(f"a bootstrap needs at least one resample, got {resamples}")
        distinct, counts = distinct_rows(np.concatenate([self.sums, self.numbers], axis=1))
        sources, rng, means = len(self.sums), np.random.default_rng(seed), np.empty(resamples)
        for start in range(0, resamples, _CHUNK):
            size = min(_CHUNK, resamples - start)
            draws = rng.multinomial(sources, counts / sources, size=size).astype(np.float64)
            totals, columns = draws @ distinct, self.sums.shape[1]
            with np.errstate(invalid="ignore"):
                # A resample without a source of some column is the mean over the others.
                means[start : start + size] = np.nanmean(totals[:, :columns] / totals[:, columns:], axis=1)
        tail = (1 - confidence) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        return float(low), float(high)


def distinct_rows(rows: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct rows, sorted, and how often each occurs.

    Sources with equal rows are interchangeable, so drawing how often each distinct row occurs is the same bootstrap at
    a cost that does not grow with the number of sources.
    """
    place = np.zeros(len(rows), dtype=np.int64)
    # Column by column, which is far faster than `np.unique` is on rows.
    for column in rows.T:
        values, position = np.unique(column, return_inverse=True)
        _, first, place, counts = np.unique(
            place * len(values) + position, return_index=True, return_inverse=True, return_counts=True
        )
    return rows[first], counts


def _exact(positive: float, negative: float, n: float, bounds: Bounds, confidence: float) -> tuple[float, float]:
    """Return an interval of the mean of values, from the means of what they are above and below zero.

    Most differences of two right or wrong answers are zero. The bound of `bounded_interval` is far closer for each of
    the two parts, which miss half as often each, than for values that may take both bounds.
    """
    least, most = bounds
    if least >= 0:
        return bounded_interval(positive, n, bounds=bounds, confidence=confidence)
    above, below = (
        bounded_interval(part, n, bounds=(0.0, end), confidence=(1 + confidence) / 2)
        for part, end in ((positive, most), (negative, -least))
    )
    return above[0] - below[1], above[1] - below[0]


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise RequestError(f"a confidence lies between 0 and 1, got {confidence}")
