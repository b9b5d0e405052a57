"""The ratio of two accuracies on the same sources."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from editmill.evaluators.adapters.arrays import FloatArray
from editmill.evaluators.statistics import ROUNDING, Estimate, bounded_interval, distinct_rows, too_few
from editmill.manifests import RequestError


def percent_ratio(
    before: npt.ArrayLike, after: npt.ArrayLike, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Estimate | None:
    """Return 100 * mean(after) / mean(before) with a percentile bootstrap over sources (Efron & Tibshirani 1993,
    chapter 13).

    Both means are drawn together, so the interval knows that the sources are the same; drawing how often each distinct
    pair occurs is the same bootstrap as drawing sources. With fewer than ``LEAST_SOURCES`` sources, and where hardly
    any source differs between the two, it is instead the quotient of both means' `bounded_interval`, which miss half as
    often each.

    Args:
        before: Float [n], whether a model is right about a source before, in [0, 1].
        after: The same afterwards.
        confidence: Coverage, in (0, 1).
        resamples: Bootstrap resamples.
        seed: Of the resampling.

    Returns:
        The ratio in percent; None where ``before`` is never right, or there is no source.

    Raises:
        RequestError: The lengths differ, or an option is out of range.
    """
    pairs = np.stack(np.broadcast_arrays(np.asarray(before, np.float64), np.asarray(after, np.float64)), axis=1)
    if np.shape(before) != np.shape(after) or resamples < 1 or not 0 < confidence < 1:
        raise RequestError(
            f"a ratio needs pairs, resamples and a confidence, got {np.shape(before)}, {np.shape(after)}, "
            f"{resamples}, {confidence}"
        )
    if not len(pairs) or not pairs[:, 0].sum():
        return None
    value = 100 * float(pairs[:, 1].sum() / pairs[:, 0].sum())
    distinct, counts = distinct_rows(pairs)
    if too_few(len(pairs), len(pairs) - int(counts.max())):
        return _exact(value, pairs, confidence)
    draws = np.random.default_rng(seed).multinomial(len(pairs), counts / len(pairs), size=resamples)
    totals = draws @ distinct
    # A resample of sources that the model gets wrong before has no ratio.
    known = totals[totals[:, 0] > 0]
    tail = (1 - confidence) / 2
    low, high = np.quantile(100 * known[:, 1] / known[:, 0], [tail, 1 - tail])
    if high - low < ROUNDING:
        return _exact(value, pairs, confidence)
    # Percentiles of few sources may miss the estimate itself.
    return Estimate(value, float(min(low, value)), float(max(high, value)), len(pairs))


def _exact(value: float, pairs: FloatArray, confidence: float) -> Estimate:
    before, after = (
        bounded_interval(float(mean), len(pairs), confidence=(1 + confidence) / 2) for mean in pairs.mean(axis=0)
    )
    return Estimate(value, 100 * after[0] / before[1], 100 * after[1] / before[0], len(pairs))
