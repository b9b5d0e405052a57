"""Text-to-image retrieval: where a caption's own image stands among others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
POOL = 1000


def split_pools(count: int, *, size: int = POOL, seed: int = 0) -> list[npt.NDArray[np.int64]]:
    """Positions [0, count) in random pools of equal size, at most ``size``."""
    order = np.random.default_rng(seed).permutation(count)
    return [np.sort(part) for part in np.array_split(order, max(1, -(-count // size)))]


def ranks(texts: FloatArray, images: FloatArray, *, size: int = POOL, seed: int = 0) -> FloatArray:
    """The rank of each caption's own image in its pool, 1 for the first, ties at their mean.

    Args:
        texts: normalised features [captions, features].
        images: normalised features of the captions' images, in the same order.
        size: images per pool.
        seed: of the pools.

    Returns:
        float64 [captions].
    """
    found = np.empty(len(texts), np.float64)
    for pool in split_pools(len(texts), size=size, seed=seed):
        similar = texts[pool] @ images[pool].T
        own = np.diagonal(similar)[:, None]
        found[pool] = 1 + (similar > own).sum(axis=1) + ((similar == own).sum(axis=1) - 1) / 2
    return found


def reciprocal_ranks(texts: FloatArray, images: FloatArray, *, size: int = POOL, seed: int = 0) -> FloatArray:
    """1 / rank of each caption's own image; their mean is the MRR."""
    return np.asarray(1 / ranks(texts, images, size=size, seed=seed))


def compat_mrr(texts: FloatArray, images: FloatArray, *, size: int = POOL) -> float:
    """MRR as the published script computes it: seed 0, the remainder of the last pool dropped, the best rank on ties.

    With fewer captions than a pool holds there would be nothing left, so they make one pool.
    """
    size = min(size, len(texts))
    order = np.random.default_rng(0).permutation(len(texts))
    values = []
    for start in range(0, len(texts) - size + 1, size):
        pool = order[start : start + size]
        similar = texts[pool] @ images[pool].T
        values.append(1 / (1 + (similar > np.diagonal(similar)[:, None]).sum(axis=1)))
    return float(np.concatenate(values).mean())
