"""The published score of a candidate word: fluency, similarity to detected attributes, and dissimilarity to the
image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from editmill.manifests.arrays import Feature

# Least span that values are divided by.
FLOOR = 1e-12


def scaled(values: Sequence[float], *, places: int = 0) -> Feature:
    """Return min-max scaled values, float64 [values].

    Where all are equal the minimum is taken to be 0: they become 1, or 0 if they are 0. Up to ``places`` values, zeros
    count as missing ones.
    """
    numbers = np.asarray(values, np.float64)
    counted = np.append(numbers, np.zeros(max(0, places - len(numbers))))
    low, high = counted.min(), counted.max()
    if low == high:
        low = 0.0
    return np.asarray((numbers - low) / max(abs(high - low), FLOOR))


def total_scores(
    fluency: Sequence[float],
    attribute: Sequence[float],
    image: Sequence[float],
    weights: tuple[float, float, float],
    *,
    kept: int,
) -> Feature:
    """Return the weighted sum of the scaled terms A, B and C over max(sum of |weights|, 1), float64 [candidates].

    Args:
        fluency: Term A of each candidate.
        attribute: Term B.
        image: Term C.
        weights: Of the three terms.
        kept: How many candidates are wanted; where there are fewer, the scripts scale A as if the missing ones had
            probability 0.
    """
    terms = weights[0] * scaled(fluency, places=kept) + weights[1] * scaled(attribute) + weights[2] * scaled(image)
    return np.asarray(terms / max(sum(map(abs, weights)), 1.0))
