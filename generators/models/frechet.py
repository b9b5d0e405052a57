"""The Fréchet distance between two sets of features, as FID takes it in Inception's (Heusel et al., arXiv 1706.08500,
equation 6).
"""

from __future__ import annotations

import numpy as np

from editmill.manifests.arrays import Feature


def frechet_distance(first: Feature, second: Feature) -> float:
    """Return the squared Fréchet distance between the Gaussians fitted to two sets of features, float [n, width]
    and [m,
    width].

    It is biased upwards for few pictures, so compare distances of equally many only.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    shift = a.mean(axis=0) - b.mean(axis=0)
    spread_a, spread_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = _root(spread_a)
    # The product's eigenvalues are those of a symmetric matrix, which keeps them real.
    cross = np.linalg.eigvalsh(root @ spread_b @ root).clip(0, None)
    return float(shift @ shift + np.trace(spread_a) + np.trace(spread_b) - 2 * np.sqrt(cross).sum())


def _root(matrix: Feature) -> Feature:
    values, vectors = np.linalg.eigh(matrix)
    # Rounding may turn eigenvalues of zero slightly negative.
    return np.asarray((vectors * np.sqrt(values.clip(0, None))) @ vectors.T)
