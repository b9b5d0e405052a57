"""One bootstrap over sources for all statistics of an evaluation.

Everything that a source gave, marked or not and at every rung, is drawn together, so that curves and differences keep
the correlation between their points. All statistics share one set of draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from editmill.evaluators.adapters.arrays import FloatArray, IntArray
from editmill.evaluators.statistics import ROUNDING, SHARES, Bounds, Estimate, bounded_interval, too_few
from editmill.manifests import RequestError

_TAIL = 2.5


class SourceBootstrap:
    """Draws of sources.

    Attributes:
        sources: Ids, sorted.
        index: Number of each source.
        draws: Float64 [resamples, sources], how often each source occurs in a resample.
    """

    def __init__(self, sources: Sequence[str], *, resamples: int, seed: int) -> None:
        if resamples < 1 or not sources:
            raise RequestError(f"a bootstrap needs sources and resamples, got {len(sources)} and {resamples}")
        self.sources = sorted(sources)
        self.index = {name: number for number, name in enumerate(self.sources)}
        count = len(self.sources)
        rng = np.random.default_rng(seed)
        # Sources drawn with replacement, as counts: means and areas need no more of a resample.
        self.draws: FloatArray = rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)

    def numbers(self, sources: Sequence[str]) -> IntArray:
        """Return numbers of sources, int64 [n]."""
        return np.array([self.index[name] for name in sources], dtype=np.int64)

    def means(self, values: FloatArray, clusters: IntArray) -> FloatArray:
        """Return the means of ``values`` [n] of the sources ``clusters`` [n] in every resample.

        NaN where none of them was drawn.
        """
        weights = self.draws[:, clusters]
        with np.errstate(invalid="ignore"):
            return np.asarray(weights @ values / weights.sum(axis=1), dtype=np.float64)

    def mean(self, values: FloatArray, clusters: IntArray, *, bounds: Bounds = SHARES) -> Estimate:
        """Return the mean of one value per source with its interval of 95 %; see `interval`."""
        drawn = self.means(values, clusters)
        return interval(float(values.mean()), drawn, len(values), moved=moved(values), bounds=bounds)

    def auroc(
        self, positives: FloatArray, positive_clusters: IntArray, negatives: FloatArray, negative_clusters: IntArray
    ) -> Estimate:
        """Return area under the ROC: the chance that a marked sample scores above an unmarked one, ties counted half
        (Hanley & McNeil 1982).

        Raises:
            RequestError: A side is empty.
        """
        if not len(positives) or not len(negatives):
            what = f"a ROC needs both sides, got {len(positives)} marked and {len(negatives)} unmarked samples"
            raise RequestError(what)
        order = np.argsort(negatives, kind="stable")
        ranked, clusters = negatives[order], negative_clusters[order]
        below, upto = np.searchsorted(ranked, positives, side="left"), np.searchsorted(ranked, positives, side="right")
        value = float((below + upto).mean() / 2 / len(negatives))
        sums = np.empty(len(self.draws))
        # One resample at a time keeps memory at a row, however many sources there are.
        for number, draw in enumerate(self.draws):
            total = np.concatenate([[0.0], np.cumsum(draw[clusters])])
            weights = draw[positive_clusters]
            scale = weights.sum() * total[-1]
            # Negatives below count in full, ties by half.
            sums[number] = weights @ (total[below] + total[upto]) / 2 / scale if scale else np.nan
        sources = int(np.union1d(positive_clusters, negative_clusters).size)
        # Samples of one source depend on each other, and two sources make one comparison.
        independent = min(len(positives), len(negatives), sources / 2)
        changed = max(moved(below + upto), moved(_placements(negatives, positives)))
        return interval(value, sums, sources, moved=changed, independent=independent)


def _placements(values: FloatArray, others: FloatArray) -> FloatArray:
    """Return twice the number of ``others`` below each value, ties counted half."""
    ranked = np.sort(others)
    return np.asarray(np.searchsorted(ranked, values, "left") + np.searchsorted(ranked, values, "right"), np.float64)


def moved(values: FloatArray | IntArray) -> int:
    """Return how many of the values, one or more, differ from the most frequent one."""
    _, counts = np.unique(values, return_counts=True)
    return int(len(values) - counts.max())


def interval(
    value: float,
    resampled: FloatArray,
    n: int,
    *,
    moved: int,
    bounds: Bounds = SHARES,
    independent: float | None = None,
) -> Estimate:
    """Return an interval of 95 %.

    It is that of the percentiles, widened to hold the estimate, which resampling a few skewed values may miss. Where
    resamples say too little (`editmill.evaluators.statistics.too_few`), it is the bound of Hoeffding, which is wide,
    holds for any number of sources, and never has the width 0.

    Args:
        value: The estimate, within the bounds.
        resampled: In every resample; NaN where it had none of the sources.
        n: Sources.
        moved: How many of them differ from the others.
        bounds: Least and largest possible value.
        independent: Independent values for the bound; None for ``n``.
    """
    known = resampled[~np.isnan(resampled)]
    if not too_few(n, moved) and known.size:
        low, high = (float(end) for end in np.percentile(known, [_TAIL, 100 - _TAIL]))
        if high - low > ROUNDING:
            return Estimate(value, min(low, value), max(high, value), n)
    inside = float(np.clip(value, *bounds))
    return Estimate(value, *bounded_interval(inside, n if independent is None else independent, bounds=bounds), n)
