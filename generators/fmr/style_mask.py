"""The latents that tell restyled pictures from their originals.

The sparse variant of arXiv 2308.10632 moves these alone.
"""

from __future__ import annotations

import numpy as np

from editmill.generators.fmr.settings import StyleSettings
from editmill.generators.fmr.sparse_logistic import largest_penalty, sparse_logistic
from editmill.manifests.arrays import Feature


def fit_style_mask(originals: Feature, restyled: Feature, settings: StyleSettings) -> Feature:
    """Return latents with a non-zero weight in an L1 logistic regression that separates originals from restyled
    pictures.

    Args:
        originals: Latents of pictures X, float [n, c, h, w].
        restyled: Latents of the same pictures in another style X', float [n, c, h, w].
        settings: Of the fit.

    Returns:
        Bool [c, h, w], for ``LatentAscent``'s ``style_mask``. Latents are standardised before the fit; a constant one
        never gets a weight.

    Raises:
        ValueError: Shapes differ, or nothing tells the two apart.
    """
    if originals.shape != restyled.shape or not len(originals):
        raise ValueError(
            f"latents of originals {originals.shape} and of restyled pictures {restyled.shape} have to be of one "
            "shape, and not empty"
        )
    features = np.concatenate([originals, restyled]).reshape(2 * len(originals), -1).astype(np.float64)
    deviation = features.std(axis=0)
    # Divided by a deviation that is only rounding, a constant latent would look as if it told something.
    varied = deviation > 1e-9 * np.abs(features).max(initial=1.0)
    standard = np.where(varied, (features - features.mean(axis=0)) / np.where(varied, deviation, 1), 0)
    targets = np.repeat([0.0, 1.0], len(originals))
    largest = largest_penalty(standard, targets)
    if largest <= 1e-9:
        raise ValueError("no latent tells the restyled pictures from the originals; use a restyling that changes them")
    weights, _ = sparse_logistic(
        standard, targets, settings.penalty * largest, iterations=settings.iterations, tolerance=settings.tolerance
    )
    return (weights != 0).reshape(originals.shape[1:])
