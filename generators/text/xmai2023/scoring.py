"""The published score of a candidate word: fluency, similarity to detected attributes, and dissimilarity to the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def scaled(values: Sequence[float]) -> np.ndarray:
    """Min-max scaled; where all are equal the minimum is taken to be 0, so that they become 1, or stay 0."""
    numbers = np.asarray(values, np.float64)
    low, high = numbers.min(), numbers.max()
    if low == high:
        low = 0.0
    return np.zeros_like(numbers) if high == low else (numbers - low) / (high - low)


def total_scores(fluency: Sequence[float], attribute: Sequence[float], image: Sequence[float], weights: tuple[float, float, float]) -> np.ndarray:
    """Weighted sum of the scaled terms A, B and C over max(sum of |weights|, 1), float64 [candidates]."""
    terms = sum(weight * scaled(values) for weight, values in zip(weights, (fluency, attribute, image), strict=True))
    return np.asarray(terms / max(sum(map(abs, weights)), 1.0))
