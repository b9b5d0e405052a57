"""Text-to-image retrieval: where a caption's own image stands among others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
POOL = 1000


@dataclass(frozen=True)
class Pool:
    """Images that captions are ranked among: positions of all of them, and how many of the first ones have their
    captions ranked here.
    """

    images: IntArray
    ranked: int


def split_pools(count: int, *, size: int = POOL, seed: int = 0) -> list[Pool]:
    """Return random pools of exactly ``size`` of ``count`` images, or of all where there are fewer.

    Every image's captions are ranked in one pool.

    What is left over after the last full pool is filled up with images of the first.
    """
    order = np.random.default_rng(seed).permutation(count)
    size = min(size, count)
    return [
        Pool(np.take(order, range(start, start + size), mode="wrap"), min(size, count - start))
        for start in range(0, count, size)
    ]


def ranks(
    texts: FloatArray, images: FloatArray, own: IntArray | None = None, *, size: int = POOL, seed: int = 0
) -> FloatArray:
    """Return the rank of each caption's own image in its pool, 1 for the first, ties at their mean.

    Args:
        texts: Normalised features [captions, features].
        images: Normalised features [images, features].
        own: Position of each caption's image; without it the captions are in the images' order.
        size: Images per pool.
        seed: Of the pools.

    Returns:
        Float64 [captions].
    """
    own = np.arange(len(images)) if own is None else own
    found = np.empty(len(texts), np.float64)
    for pool in split_pools(len(images), size=size, seed=seed):
        place = np.full(len(images), -1)
        place[pool.images[: pool.ranked]] = np.arange(pool.ranked)
        mine = np.flatnonzero(place[own] >= 0)
        similar = texts[mine] @ images[pool.images].T
        true = np.take_along_axis(similar, place[own[mine]][:, None], axis=1)
        found[mine] = 1 + (similar > true).sum(axis=1) + ((similar == true).sum(axis=1) - 1) / 2
    return found


def reciprocal_ranks(
    texts: FloatArray, images: FloatArray, own: IntArray | None = None, *, size: int = POOL, seed: int = 0
) -> FloatArray:
    """Return 1 / rank of each caption's own image; their mean is the MRR."""
    return np.asarray(1 / ranks(texts, images, own, size=size, seed=seed))


def compat_mrr(texts: FloatArray, images: FloatArray, *, size: int = POOL) -> float:
    """Return MRR as the published script computes it: seed 0, pools of captions, whose images may recur, the remainder
    dropped, the best rank on ties.

    With fewer captions than a pool holds there would be nothing left, so they make one pool.

    Args:
        texts: Normalised features [captions, features].
        images: Normalised features of the captions' images, in the same order.
        size: Captions per pool.
    """
    size = min(size, len(texts))
    order = np.random.default_rng(0).permutation(len(texts))
    values = []
    for start in range(0, len(texts) - size + 1, size):
        pool = order[start : start + size]
        similar = texts[pool] @ images[pool].T
        values.append(1 / (1 + (similar > np.diagonal(similar)[:, None]).sum(axis=1)))
    return float(np.concatenate(values).mean())
