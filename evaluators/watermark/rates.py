"""Rates of independent trials with exact intervals, and the empirical thresholds that may be used beside analytic
ones.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from editmill.evaluators.adapters.arrays import FloatArray
from editmill.manifests import RequestError

# Below this number of nulls no empirical rate of 0.1 % is printed: the threshold would rest on a handful of them.
NULLS_AT_01_PERCENT = 10_000
# How far the expected level of an empirical threshold may lie above the nominal one.
_SLACK = 1.05


@dataclass(frozen=True)
class Rate:
    """A share with its interval of Clopper & Pearson (1934, doi:10.1093/biomet/26.4.404).

    Attributes:
        value, low, high: Share and ends of the 95 % interval, in [0, 1].
        hits: successes.
        n: Trials, one per source.
    """

    value: float
    low: float
    high: float
    hits: int
    n: int


def rate(hits: int, n: int, *, confidence: float = 0.95) -> Rate:
    """Return the share of ``hits`` among ``n`` independent trials.

    Raises:
        RequestError: The counts do not fit.
    """
    if not 0 <= hits <= n or n < 1:
        raise RequestError(f"no proportion has {hits} successes in {n} trials")
    interval = binomtest(hits, n).proportion_ci(confidence_level=confidence, method="exact")
    return Rate(hits / n, float(interval.low), float(interval.high), hits, n)


@dataclass(frozen=True)
class EmpiricalThreshold:
    """A threshold from unmarked samples.

    Attributes:
        value: Scores strictly above it count as marked.
        level: Expected false-positive rate of a fresh sample, r / (nulls + 1) for the r-th largest null.
        nulls: Unmarked samples that it rests on.
    """

    value: float
    level: float
    nulls: int


def empirical_threshold(nulls: FloatArray, alpha: float) -> EmpiricalThreshold | str:
    """Return the r-th largest null with r = floor(alpha (n + 1)), at least 1, or a text for the table that says why
    there is none.

    Args:
        nulls: Scores of unmarked samples of the calibration half, which are evaluated nowhere.
        alpha: Nominal level.
    """
    n = len(nulls)
    if alpha < 0.01 and n < NULLS_AT_01_PERCENT:
        return f"refused: {n} of {NULLS_AT_01_PERCENT} nulls"
    r = max(1, math.floor(alpha * (n + 1)))
    # A fresh null is as likely to take any rank among the others, so this is its chance to lie above.
    level = r / (n + 1)
    if level > alpha * _SLACK:
        return f"refused: {n} of {math.ceil(1 / (alpha * _SLACK)) - 1} nulls"
    return EmpiricalThreshold(float(np.sort(nulls)[n - r]), level, n)


def calibration_half(source_ids: Iterable[str]) -> frozenset[str]:
    """Return the half of the sources whose sha256 sorts first; thresholds come from it, rates from the other half."""
    ordered = sorted(set(source_ids), key=lambda name: (hashlib.sha256(name.encode()).hexdigest(), name))
    return frozenset(ordered[: len(ordered) // 2])
