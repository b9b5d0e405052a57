"""Entailment-style classification: does the image bear a caption out? Thresholds on pair scores, fitted on unedited captions of other images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from evaluators.statistics import Estimate, mcnemar_exact, paired_drop

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
LABELS = ("entailment", "neutral", "contradiction")
CANDIDATES = 64


@dataclass(frozen=True)
class ClassResult:
    """One edit.

    Attributes:
        accuracy, macro_f1: over the labels that occur; ``recall`` by label.
        drop: of the accuracy against the unedited captions, None for them.
        p_value: exact McNemar test, one caption per image.
    """

    edit: str
    accuracy: float
    macro_f1: float
    recall: dict[str, float]
    drop: Estimate | None
    p_value: float | None


def macro_f1(truth: IntArray, said: IntArray) -> float:
    """The mean over the true labels of the harmonic mean of precision and recall."""
    scores = []
    for label in np.unique(truth):
        hits = int(((truth == label) & (said == label)).sum())
        scores.append(2 * hits / max(int((truth == label).sum() + (said == label).sum()), 1))
    return float(np.mean(scores))


def fit_thresholds(scores: FloatArray, truth: IntArray) -> tuple[float, ...]:
    """Thresholds between the labels that occur, the more entailed above: those with the best macro F1 on a grid of quantiles."""
    labels = np.unique(truth)
    grid = np.unique(np.quantile(scores, np.linspace(0, 1, CANDIDATES if len(labels) == 2 else CANDIDATES // 2)))
    options = list(combinations(grid.tolist(), len(labels) - 1)) or [tuple(grid[:1].tolist()) * (len(labels) - 1)]
    return max(options, key=lambda option: macro_f1(truth, decide(scores, option, labels)))


def decide(scores: FloatArray, thresholds: Sequence[float], labels: IntArray) -> IntArray:
    """Labels of scores: the first (entailment) from the highest threshold on."""
    above = (scores[:, None] >= np.asarray(thresholds)[None]).sum(axis=1)
    return np.asarray(labels[len(labels) - 1 - above])


def cross_fitted(scores: dict[str, FloatArray], truth: IntArray, *, base: str, seed: int = 0) -> dict[str, IntArray]:
    """Labels by edit; each half of the images is judged by thresholds of the other half's unedited captions."""
    halves = np.random.default_rng(seed).permutation(len(truth)) % 2
    labels = np.unique(truth)
    said = {edit: np.empty(len(truth), np.int64) for edit in scores}
    for half in (0, 1):
        thresholds = fit_thresholds(scores[base][halves != half], truth[halves != half])
        for edit, values in scores.items():
            said[edit][halves == half] = decide(values[halves == half], thresholds, labels)
    return said


def classify(scores: dict[str, FloatArray], truth: IntArray, *, base: str, resamples: int) -> tuple[ClassResult, ...]:
    """Accuracy, macro F1, recalls and drops by edit; nothing where fewer than two labels, or fewer than eight captions, occur."""
    if len(np.unique(truth)) < 2 or len(truth) < 8:
        return ()
    said = cross_fitted(scores, truth, base=base)
    right = {edit: said[edit] == truth for edit in scores}
    results = []
    for edit, hits in right.items():
        recall = {LABELS[label]: float(hits[truth == label].mean()) for label in np.unique(truth)}
        changed = edit != base
        results.append(ClassResult(
            edit, float(hits.mean()), macro_f1(truth, said[edit]), recall,
            paired_drop(right[base], hits, resamples=resamples) if changed else None,
            mcnemar_exact(int((right[base] & ~hits).sum()), int((hits & ~right[base]).sum())) if changed else None,
        ))
    return tuple(results)
