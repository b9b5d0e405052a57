"""The exact null of hard-decided bits: with a fair random key, matches on unmarked content are Binomial(bits, 1/2) for
any decoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray
from editmill.manifests import RequestError

ALPHAS = (0.01, 0.001)


@dataclass(frozen=True)
class Threshold:
    """A test of "marked" at a nominal level.

    Attributes:
        bits: Payload length.
        alpha: Nominal false-positive rate.
        matches: Smallest k with P(X >= k) <= alpha; ``bits`` + 1 where even a full match is too likely.
        level: The true level P(X >= k), at most ``alpha``.
        share: Probability of calling k - 1 matches marked, which brings the randomised test to exactly ``alpha``.
    """

    bits: int
    alpha: float
    matches: int
    level: float
    share: float


@lru_cache
def threshold(bits: int, alpha: float) -> Threshold:
    """Return the analytic threshold for a payload.

    Raises:
        RequestError: ``bits`` is not positive, or ``alpha`` is not in (0, 1).
    """
    if bits < 1 or not 0 < alpha < 1:
        what = f"no threshold for {bits} bits at level {alpha}"
        raise RequestError(what, fix="give at least one bit and a level between 0 and 1")
    # P(X >= k) for k from 0, where it is 1, to bits + 1, where it is 0: some k from 1 on always passes.
    tails = binom.sf(np.arange(-1, bits + 1), bits, 0.5)
    k = int(np.argmax(tails <= alpha))
    level = float(tails[k])
    return Threshold(bits, alpha, k, level, (alpha - level) / float(tails[k - 1] - tails[k]))


def detected(matches: FloatArray, decoded: BoolArray, test: Threshold) -> FloatArray:
    """Return 1.0 where the matches reach the threshold, else 0.0; what was not decoded is a miss."""
    return np.asarray(decoded & (matches >= test.matches), dtype=np.float64)


def randomised(matches: FloatArray, decoded: BoolArray, test: Threshold) -> FloatArray:
    """Return the probability with which the randomised test at exactly ``alpha`` calls each sample marked.

    Its mean is the power of that test, without the noise that drawing the decisions would add.
    """
    edge = decoded & (matches == test.matches - 1)
    return np.asarray(detected(matches, decoded, test) + test.share * edge, dtype=np.float64)


def p_values(matches: npt.ArrayLike, bits: int) -> FloatArray:
    """Return the exact one-sided P(X >= matches).

    Half a match, as of a decoding error at chance, counts as the next whole one.
    """
    return np.asarray(binom.sf(np.ceil(np.asarray(matches, dtype=np.float64)) - 1, bits, 0.5), dtype=np.float64)


def log10_p(matches: npt.ArrayLike, bits: int) -> FloatArray:
    """Return the base-10 logarithm of `p_values`."""
    exact = np.ceil(np.asarray(matches, dtype=np.float64)) - 1
    # p-values of long payloads underflow, their logarithms do not.
    return np.asarray(binom.logsf(exact, bits, 0.5) / math.log(10), dtype=np.float64)


def randomised_p_values(matches: FloatArray, bits: int, rng: np.random.Generator) -> FloatArray:
    """Return P(X > x) + U P(X = x), exactly uniform under the null, where plain p-values of counts aren't."""
    above = binom.sf(matches, bits, 0.5)
    return np.asarray(above + rng.random(len(matches)) * binom.pmf(matches, bits, 0.5), dtype=np.float64)
