"""Retrieval by one model: what each edit costs, paired by caption and resampled by image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from editmill.evaluators.statistics import Estimate, cluster_sums, clustered_mean, sign_flip
from editmill.evaluators.text.captions import BoolArray, Captions, IntArray
from editmill.evaluators.text.retrieval import FloatArray, compat_mrr, reciprocal_ranks
from editmill.evaluators.text.rows import ORIGINAL

RECALLS = (1, 5, 10)
NET_OF = ("random-attribute", "oracle")
CONTRADICTION = 2


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
        compat: MRR as the published script computes it.
    """

    edit: str
    captions: int
    mrr: Estimate
    recall: dict[int, float]
    drop: Estimate | None
    edited_drop: Estimate | None
    p_value: float | None
    p_holm: float | None
    net: dict[str, Estimate]
    no_ops: float
    compat: float


def searched(captions: Captions) -> BoolArray:
    """Return which captions are searched with: one that contradicts its image is no description of it."""
    return np.asarray(captions.labels != CONTRADICTION)


def search(
    texts: FloatArray, place: dict[str, IntArray], images: FloatArray, captions: Captions, *, resamples: int
) -> tuple[RetrievalResult, ...]:
    """Search all images with all captions; nothing where every caption contradicts its image.

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
        if not counted.any():
            continue
        edited = counted & captions.edited[edit]
        size, mrr = int(counted.sum()), _mean(value, counted, captions, resamples)
        recall = {k: float((value[counted] >= 1 / k).mean()) for k in RECALLS}
        compat = compat_mrr(texts[place[edit][counted]], images[captions.image[counted]])
        if edit == ORIGINAL:
            results.append(RetrievalResult(edit, size, mrr, recall, None, None, None, None, {}, 0.0, compat))
            continue
        lost = found[ORIGINAL] - value
        both = {
            control: edited & captions.edited[control] for control in NET_OF if control in found and control != edit
        }
        p_value = sign_flip(cluster_sums(lost[counted], captions.image[counted])[0], resamples=resamples)
        net = {
            control: _mean(found[control] - value, where, captions, resamples)
            for control, where in both.items()
            if where.any()
        }
        results.append(
            RetrievalResult(
                edit,
                size,
                mrr,
                recall,
                _mean(lost, counted, captions, resamples),
                _mean(lost, edited, captions, resamples) if edited.any() else None,
                p_value,
                None,
                net,
                float(1 - edited.sum() / size),
                compat,
            )
        )
    return tuple(results)


def _mean(values: FloatArray, where: BoolArray, captions: Captions, resamples: int) -> Estimate:
    return clustered_mean(values[where], captions.image[where], resamples=resamples)
