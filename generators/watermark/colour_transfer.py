"""Colours of a regenerated picture brought to those of a reference: histogram matching, Monge-Kantorovich map,
histogram matching.

CtrlRegen (arXiv 2410.05470) uses the method "hm-mkl-hm" of a package under the GPL; this is written from the published
formulas.
"""

from __future__ import annotations

import numpy as np

from editmill.manifests.arrays import Feature, Picture

# Keeps the covariances of pictures with fewer than three independent colours invertible, in squared grey levels.
RIDGE = 1e-3


def match_colours(image: Picture, reference: Picture) -> Picture:
    """Return ``hm-mkl-hm``: uint8 [H, W, 3] RGB with the colours of ``reference``, a picture of any size."""
    matched = match_histograms(image.astype(np.float64), reference)
    matched = monge_kantorovich(matched, reference)
    return np.rint(match_histograms(matched, reference)).clip(0, 255).astype(np.uint8)


def match_histograms(image: Picture, reference: Picture) -> Picture:
    """Return float64 [H, W, 3] whose channels have the distribution of the reference's: every value goes to the
    reference's quantile of its rank.
    """
    channels = [_match_channel(image[..., channel], reference[..., channel]) for channel in range(3)]
    return np.stack(channels, axis=-1)


def _match_channel(values: Feature, reference: Feature) -> Feature:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    wanted, shares = np.unique(reference, return_counts=True)
    # The middle of each value's steps, so that equal distributions map to themselves.
    ranks, quantiles = ((np.cumsum(c) - c / 2) / c.sum() for c in (counts, shares))
    return np.asarray(np.interp(ranks, quantiles, wanted)[places]).reshape(values.shape)


def monge_kantorovich(image: Picture, reference: Picture) -> Picture:
    """Return the linear map that turns mean and covariance of the picture's colours into the reference's with the least
    motion (Pitié and Kokaram 2007).

    T = S^(-1/2) (S^(1/2) R S^(1/2))^(1/2) S^(-1/2) with the covariances S and R; x' = mean(R) + T (x - mean(S)).
    float64 [H, W, 3].
    """
    source, target = image.reshape(-1, 3).astype(np.float64), reference.reshape(-1, 3).astype(np.float64)
    ridge = RIDGE * np.eye(3)
    spread, wanted = np.cov(source.T) + ridge, np.cov(target.T) + ridge
    root = _power(spread, 0.5)
    inverse = _power(spread, -0.5)
    mapping = inverse @ _power(root @ wanted @ root, 0.5) @ inverse
    return (target.mean(axis=0) + (source - source.mean(axis=0)) @ mapping.T).reshape(image.shape)


def _power(matrix: Feature, exponent: float) -> Feature:
    """Return a power of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    # Rounding may turn the smallest eigenvalue negative.
    return np.asarray((vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T)
