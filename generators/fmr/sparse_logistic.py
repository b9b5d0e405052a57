"""Logistic regression with an L1 penalty, by accelerated proximal gradient (FISTA: Beck and Teboulle 2009, SIAM J.
Imaging Sciences 2).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from editmill.manifests.arrays import Feature


def largest_penalty(features: Feature, targets: Feature) -> float:
    """Return the least penalty that leaves every weight at zero: the largest gradient of the mean loss there."""
    return float(np.abs(features.T @ (targets.mean() - targets)).max() / len(targets))


def sparse_logistic(
    features: Feature, targets: Feature, penalty: float, *, iterations: int, tolerance: float
) -> tuple[Feature, float]:
    """Minimise the mean log-loss + ``penalty`` * ||weights||_1; the intercept is free.

    It starts at zero and draws nothing, so equal inputs give equal weights.

    Args:
        features: Float64 [n, d].
        targets: Float64 [n] of 0 and 1.
        penalty: Weight of the L1 norm.
        iterations: Most steps.
        tolerance: Largest change of a weight at which it has converged.

    Returns:
        Weights, float64 [d], exactly 0 where the penalty wins; and the intercept.
    """
    count = len(targets)
    design = np.hstack([features, np.ones((count, 1))])
    # The log-loss has a curvature of at most 1/4 of the design's.
    step = 4 * count / np.linalg.norm(design, 2) ** 2
    # The last one is the intercept's, which is not penalised.
    threshold = np.append(np.full(features.shape[1], step * penalty), 0.0)
    weights = ahead = np.zeros(design.shape[1])
    momentum = 1.0
    for _ in range(iterations):
        moved = ahead - step * (design.T @ (expit(design @ ahead) - targets)) / count
        # Soft thresholding, the proximal step of the L1 norm, which gives exact zeros.
        following = np.sign(moved) * np.maximum(np.abs(moved) - threshold, 0)
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / next_momentum * (following - weights)
        change, weights, momentum = np.abs(following - weights).max(), following, next_momentum
        if change < tolerance:
            break
    return weights[:-1], float(weights[-1])
