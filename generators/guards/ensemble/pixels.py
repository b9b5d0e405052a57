"""Scores of plain pixels: faults of encoding and generation, and whether anything was edited at all."""

from __future__ import annotations

import numpy as np

from editmill.generators.guards.base import Array
from editmill.generators.guards.ensemble.phash import hamming, perceptual_hash
from editmill.generators.guards.ensemble.shown import Shown

SCORE_NAMES: tuple[str, ...] = ("finite", "unsafe", "size_fits", "clipped_share", "change", "source_hamming")


def clipped_share(image: Array) -> float:
    """Return share of pixels of a picture uint8 [H, W, 3] with every channel at 0 or 255."""
    return float(((image == 0) | (image == 255)).all(axis=-1).mean())


def pixel_scores(one: Shown) -> dict[str, float]:
    """Return ``change`` is the mean absolute difference from the source in grey levels, and ``source_hamming`` that of
    the hashes in bits.

    Both need a source of the same frame, and an edit.
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
    return scores
