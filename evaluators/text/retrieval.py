"""Text-to-image retrieval: where a caption's own image stands among others, and what each edit costs, paired by
caption and resampled by image.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray, IntArray
from editmill.evaluators.significance import sign_flip
from editmill.evaluators.statistics import DROPS, Estimate, cluster_sums, clustered_mean
from editmill.evaluators.text.rows import ORIGINAL, Captions

# Ranks grow with the number of images, so they compare only among equally many.
POOL = 1000
RECALLS = (1, 5, 10)
NET_OF = ("random-attribute", "oracle")
CONTRADICTION = 2


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
        # The own image is one of those that are equal to it.
        found[mine] = 1 + (similar > true).sum(axis=1) + ((similar == true).sum(axis=1) - 1) / 2
    return found


def reciprocal_ranks(
    texts: FloatArray, images: FloatArray, own: IntArray | None = None, *, size: int = POOL, seed: int = 0
) -> FloatArray:
    """Return 1 / rank of each caption's own image; their mean is the MRR."""
    return np.asarray(1 / ranks(texts, images, own, size=size, seed=seed))


def compat_order(captions: IntArray, images: IntArray) -> IntArray:
    """Return the positions of captions in the order in which the published notebook ranks them.

    It drops a caption that its image has already, and shuffles the rest as pandas does with the seed 0.

    Args:
        captions: Which source text each caption has [captions].
        images: Which image each belongs to [captions].
    """
    _, first = np.unique(np.stack([captions, images]), axis=1, return_index=True)
    kept = np.sort(first)
    # The old generator, whose permutations numpy never changes.
    return np.asarray(kept[np.random.RandomState(0).permutation(len(kept))], np.int64)


def compat_mrr(texts: FloatArray, images: FloatArray, order: IntArray, *, size: int = POOL) -> float:
    """Return MRR as the published notebook computes it: pools of captions, whose images may recur, the remainder
    dropped, the best rank on ties.

    With fewer captions than a pool holds there would be nothing left, so they make one pool. The notebook puts the
    words "This is " before every caption, which is not done here.

    Args:
        texts: Normalised features [captions, features].
        images: Normalised features of the captions' images, in the same order.
        order: Which captions make up the pools, one pool after the other; see `compat_order`.
        size: Captions per pool.
    """
    size = min(size, len(order))
    values = []
    for start in range(0, len(order) - size + 1, size):
        pool = order[start : start + size]
        similar = texts[pool] @ images[pool].T
        values.append(1 / (1 + (similar > np.diagonal(similar)[:, None]).sum(axis=1)))
    return float(np.concatenate(values).mean())


@dataclass(frozen=True)
class RetrievalResult:
    """One edit under one model.

    Attributes:
        captions: How many are searched with: those whose edit did not fail and that are not labelled as contradicting
            their image.
        mrr: Mean reciprocal rank with the edited captions, the source's text where there is no edit.
        recall: Share of captions whose image is among the first 1, 5, 10.
        drop: Of the MRR against the unedited captions, over all captions; ``edited_drop`` over the edited ones alone;
            None for ``original``.
        p_value, p_holm: Sign-flip test of the drop by image, and with Holm's correction over edits and models.
        net: Drop less that of the controls ``random-attribute`` and ``oracle``, over captions that both edit.
        no_ops: Share of captions without an edit.
        compat: MRR as the published notebook computes it; see `compat_mrr`.
    """

    edit: str
    captions: int
    mrr: Estimate
    recall: dict[int, float]
    compat: float
    drop: Estimate | None = None
    edited_drop: Estimate | None = None
    p_value: float | None = None
    p_holm: float | None = None
    net: dict[str, Estimate] = field(default_factory=dict)
    no_ops: float = 0.0


def searched(captions: Captions) -> BoolArray:
    """Return which captions are searched with: one that contradicts its image is no description of it."""
    return np.asarray(captions.labels != CONTRADICTION)


def search(
    texts: FloatArray, place: dict[str, IntArray], images: FloatArray, captions: Captions, *, resamples: int
) -> tuple[tuple[RetrievalResult, ...], dict[str, FloatArray]]:
    """Search all images with all captions; return a result per edit, and by edit 1 / rank of each caption's own image.

    There is no result where every caption contradicts its image.

    Args:
        texts: Normalised features of the distinct texts [texts, features].
        place: By edit, the position in ``texts`` of each caption's text [captions].
        images: Normalised features of the images [images, features].
        captions: Whose texts they are.
        resamples: Of the bootstraps and of the sign-flip test.
    """
    asked = searched(captions)
    found = {edit: reciprocal_ranks(texts[mine], images, captions.image) for edit, mine in place.items()}
    results = []
    for edit, value in found.items():
        counted = asked & captions.made[edit]
        if counted.any():
            order = compat_order(place[ORIGINAL][counted], captions.image[counted])
            compat = compat_mrr(texts[place[edit][counted]], images[captions.image[counted]], order)
            result = RetrievalResult(
                edit,
                captions=int(counted.sum()),
                mrr=_mean(value, counted, captions, resamples),
                recall={k: float((value[counted] >= 1 / k).mean()) for k in RECALLS},
                compat=compat,
                no_ops=float(1 - captions.edited[edit][counted].mean()),
            )
            results.append(result if edit == ORIGINAL else _compare(result, found, counted, captions, resamples))
    return tuple(results), found


def _compare(
    result: RetrievalResult, found: dict[str, FloatArray], counted: BoolArray, captions: Captions, resamples: int
) -> RetrievalResult:
    """Return a result with what the edit costs against the unedited captions."""
    edit, edited = result.edit, counted & captions.edited[result.edit]
    lost = found[ORIGINAL] - found[edit]
    controls = [control for control in NET_OF if control in found and control != edit]
    both = {control: edited & captions.edited[control] for control in controls}
    return replace(
        result,
        drop=_mean(lost, counted, captions, resamples),
        edited_drop=_mean(lost, edited, captions, resamples) if edited.any() else None,
        # Summed by image, whose captions flip together.
        p_value=sign_flip(cluster_sums(lost[counted], captions.image[counted])[0], resamples=resamples),
        net={
            control: _mean(found[control] - found[edit], where, captions, resamples)
            for control, where in both.items()
            if where.any()
        },
    )


def _mean(values: FloatArray, where: BoolArray, captions: Captions, resamples: int) -> Estimate:
    return clustered_mean(values[where], captions.image[where], bounds=DROPS, resamples=resamples)
