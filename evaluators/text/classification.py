"""Entailment-style classification: does the image bear a caption out? Thresholds on pair scores, fitted on unedited
captions of other images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray, IntArray
from editmill.evaluators.significance import mcnemar_exact, sign_flip
from editmill.evaluators.statistics import DROPS, Estimate, cluster_sums, clustered_mean

LABELS = ("entailment", "neutral", "contradiction")
# Of the grid for one threshold; two of them are tried in all pairs, so their grid is half as fine.
CANDIDATES = 64


@dataclass(frozen=True)
class ClassResult:
    """One edit.

    Attributes:
        captions: How many count: those whose edit did not fail.
        accuracy, macro_f1: Over the labels that occur; ``recall`` by label.
        drop: Of the accuracy against the unedited captions, None for them.
        p_value, p_holm: Exact McNemar test, or sign flips by image where one has several captions; and with Holm's
            correction over edits and models.
    """

    edit: str
    captions: int
    accuracy: float
    macro_f1: float
    recall: dict[str, float]
    drop: Estimate | None
    p_value: float | None
    p_holm: float | None = None


def macro_f1(truth: IntArray, said: IntArray) -> float:
    """Return the mean over the true labels of the harmonic mean of precision and recall."""
    scores = []
    for label in np.unique(truth):
        hits = int(((truth == label) & (said == label)).sum())
        # F1 = 2 TP / (2 TP + FP + FN).
        scores.append(2 * hits / max(int((truth == label).sum() + (said == label).sum()), 1))
    return float(np.mean(scores))


def fit_thresholds(scores: FloatArray, truth: IntArray) -> tuple[float, ...]:
    """Return thresholds between the labels that occur, the more entailed above: those with the best macro F1 on a grid
    of quantiles.
    """
    labels = np.unique(truth)
    grid = np.unique(np.quantile(scores, np.linspace(0, 1, CANDIDATES if len(labels) == 2 else CANDIDATES // 2)))
    # Where all scores are equal, the grid has one entry and no pairs.
    options = list(combinations(grid.tolist(), len(labels) - 1)) or [tuple(grid[:1].tolist()) * (len(labels) - 1)]
    return max(options, key=lambda option: macro_f1(truth, decide(scores, option, labels)))


def decide(scores: FloatArray, thresholds: Sequence[float], labels: IntArray) -> IntArray:
    """Return labels of scores: the first (entailment) from the highest threshold on."""
    above = (scores[:, None] >= np.asarray(thresholds)[None]).sum(axis=1)
    # Scores rise towards entailment, which has the lowest label.
    return np.asarray(labels[len(labels) - 1 - above])


def cross_fitted(
    scores: dict[str, FloatArray], truth: IntArray, images: IntArray, *, base: str, seed: int = 0
) -> dict[str, IntArray]:
    """Return labels by edit; each half of the images is judged by thresholds of the other half's unedited captions."""
    # By image: captions of one image would tell a threshold what it is tested on.
    distinct, place = np.unique(images, return_inverse=True)
    halves = (np.random.default_rng(seed).permutation(len(distinct)) % 2)[place]
    labels = np.unique(truth)
    said = {edit: np.empty(len(truth), np.int64) for edit in scores}
    for half in (0, 1):
        thresholds = fit_thresholds(scores[base][halves != half], truth[halves != half])
        for edit, values in scores.items():
            said[edit][halves == half] = decide(values[halves == half], thresholds, labels)
    return said


def classify(
    scores: dict[str, FloatArray], truth: IntArray, images: IntArray, *, base: str, resamples: int
) -> tuple[ClassResult, ...]:
    """Return accuracy, macro F1, recalls and drops by edit.

    Nothing where fewer than two labels, or captions of fewer than eight images, occur.

    Args:
        scores: By edit, float [captions]; NaN where the edit failed.
        truth: Labels [captions].
        images: Which image each caption belongs to [captions].
        base: The edit that the others are compared with; it failed nowhere.
        resamples: Of the bootstrap.
    """
    if len(np.unique(truth)) < 2 or len(np.unique(images)) < 8:
        return ()
    said = cross_fitted(scores, truth, images, base=base)
    right = said[base] == truth
    results = []
    for edit, values in scores.items():
        made = ~np.isnan(values)
        if not made.any():
            continue
        true, now, before, mine = truth[made], said[edit][made], right[made], images[made]
        hits, changed = now == true, edit != base
        results.append(
            ClassResult(
                edit,
                len(true),
                float(hits.mean()),
                macro_f1(true, now),
                {LABELS[label]: float(hits[true == label].mean()) for label in np.unique(true)},
                # numpy does not subtract booleans.
                clustered_mean(before * 1.0 - hits, mine, bounds=DROPS, resamples=resamples) if changed else None,
                _p_value(before, hits, mine, resamples) if changed else None,
            )
        )
    return tuple(results)


def _p_value(before: BoolArray, after: BoolArray, images: IntArray, resamples: int) -> float:
    """Return the p-value of a test that fits: McNemar's takes captions as independent, those of one image are not."""
    if len(np.unique(images)) == len(images):
        return mcnemar_exact(int((before & ~after).sum()), int((after & ~before).sum()))
    return sign_flip(cluster_sums(before * 1.0 - after, images)[0], resamples=resamples)
