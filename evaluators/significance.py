"""Tests of paired answers, and their correction for several hypotheses. No result depends on the order of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy

from editmill.evaluators.statistics import ROUNDING
from editmill.manifests import RequestError

# Flips that are held in memory at a time.
_CHUNK = 500


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
    return float(scipy.stats.binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


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
        extreme += int((np.abs(signs @ values) >= observed * (1 - ROUNDING)).sum())
    # The observed signs are one of the equally likely flips; left out, they would let p reach 0.
    return (extreme + 1) / (resamples + 1)
