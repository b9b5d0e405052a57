"""One bootstrap over sources for all statistics of an evaluation.

Everything that a source gave, marked or not and at every rung, is drawn together, so that curves and differences keep
the correlation between their points. All statistics share one set of draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from editmill.evaluators.adapters.arrays import FloatArray, IntArray
from editmill.evaluators.statistics import Estimate
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

    def mean(self, values: FloatArray, clusters: IntArray) -> Estimate:
        """Return the mean with its percentile interval of 95 %."""
        return interval(float(values.mean()), self.means(values, clusters), int(np.unique(clusters).size))

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
        return interval(value, sums, int(np.union1d(positive_clusters, negative_clusters).size))


def interval(value: float, resampled: FloatArray, n: int) -> Estimate:
    """Return a percentile interval of 95 %, widened to hold the estimate, which resampling a few skewed values may
    miss.
    """
    known = resampled[~np.isnan(resampled)]
    if not known.size:
        return Estimate(value, value, value, n)
    low, high = np.percentile(known, [_TAIL, 100 - _TAIL])
    return Estimate(value, float(min(low, value)), float(max(high, value)), n)
