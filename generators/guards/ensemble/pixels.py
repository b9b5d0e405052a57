"""Scores of plain pixels: faults of encoding and generation, and whether anything was edited at all."""

from __future__ import annotations

import numpy as np

from editmill.generators.compositing.composite import matte
from editmill.generators.guards.ensemble.phash import hamming, perceptual_hash
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.sanity import sanity_scores
from editmill.manifests.arrays import Mask, Picture


def clipped_share(image: Picture) -> float:
    """Return the share of pixels of a picture uint8 [H, W, 3] with every channel at 0 or 255."""
    return float(((image == 0) | (image == 255)).all(axis=-1).mean())


def alpha_of(one: Shown) -> Mask | None:
    """Return the alpha that an object in the candidate's mask has, uint8 [H, W]; None without a mask."""
    return None if one.mask is None else matte((one.mask > 127).astype(np.float32))


def pixel_scores(one: Shown) -> dict[str, float]:
    """Return the scores of a candidate.

    ``change`` is the mean absolute difference from the source in grey levels, and ``source_hamming`` that of the hashes
    in bits; both need a source of the same frame, and an edit. ``background_change`` is the mean absolute difference
    outside of the mask. Without a source nothing is newly black, so pictures may be dark.
    """
    height, width = one.image.shape[:2]
    before = 0.0 if one.source is None else clipped_share(one.source)
    scores = {
        "finite": float(one.finite),
        "unsafe": float(one.unsafe),
        "size_fits": float(one.size in (None, (width, height))),
        "clipped_share": max(0.0, clipped_share(one.image) - before),
    }
    if one.edited and one.source is not None and one.source.shape == one.image.shape:
        scores["change"] = float(np.abs(one.image.astype(np.int16) - one.source).mean())
        scores["source_hamming"] = float(hamming(perceptual_hash(one.image), perceptual_hash(one.source)))
    alpha = alpha_of(one)
    outside = np.ones((height, width), bool) if alpha is None else alpha == 0
    scores |= sanity_scores(one.image, outside, expected=one.source)
    if one.source is not None and one.comparable and outside.any():
        scores["background_change"] = float(np.abs(one.image[outside].astype(np.int16) - one.source[outside]).mean())
    return scores
