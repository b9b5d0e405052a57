"""The sum of signed scores as a detector: it weighs bits by their scores, and its null comes from flipping signs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from editmill.evaluators.watermark.binomial import FloatArray
from editmill.evaluators.watermark.rates import Rate, rate

# With 999 flips a p-value of 1 % is attained exactly.
FLIPS = 999
_ROUNDING = 1e-9
# Pictures beyond these add little to the rate, and a null each costs time.
_PICTURES = 500


def signed_sum(scores: FloatArray, key: npt.NDArray[np.bool_]) -> FloatArray:
    """Sum of the scores, each with the sign of its key bit: float [...] from scores and key bits [..., bits]."""
    return np.asarray((np.where(key, 1.0, -1.0) * scores).sum(axis=-1), dtype=np.float64)


def sign_flip_p(
    scores: FloatArray, key: npt.NDArray[np.bool_], rng: np.random.Generator, *, flips: int = FLIPS
) -> FloatArray:
    """Return one-sided p-values of `signed_sum` of one picture with several keys.

    A fair key that the picture does not depend on gives every pattern of signs the same chance, whatever the scores
    are.

    Args:
        scores: float [bits].
        key: Bool [keys, bits].
        rng: Draws the flips.
        flips: Random keys that make up the null.

    Returns:
        Float [keys], at least 1 / (flips + 1).
    """
    null = np.sort(signed_sum(scores, rng.random((flips, len(scores))) < 0.5))
    # Sums of the same numbers in another order differ by rounding.
    observed = signed_sum(scores, key) - _ROUNDING * np.abs(scores).sum()
    return np.asarray((1 + flips - np.searchsorted(null, observed, side="left")) / (flips + 1), dtype=np.float64)


def soft_false_alarms(scores: FloatArray, pairs: int, rng: np.random.Generator, *, alpha: float = 0.01) -> Rate:
    """Return share of fresh fair keys, about ``pairs`` over at most 500 pictures, whose sign-flip p-value is at most
    ``alpha``; scores [pictures, bits].
    """
    scores = rng.permutation(scores)[:_PICTURES]
    draws = math.ceil(pairs / len(scores))
    hits = sum(int((sign_flip_p(own, rng.random((draws, len(own))) < 0.5, rng) <= alpha).sum()) for own in scores)
    return rate(hits, draws * len(scores))
