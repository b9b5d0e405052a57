"""Accuracy on generated pictures, and what it is below that on the real ones of the control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray
from editmill.evaluators.significance import holm, mcnemar_exact, sign_flip
from editmill.evaluators.statistics import Estimate, paired_drop, proportion_interval
from editmill.evaluators.synthesis.rows import ORIGINAL

PICTURE, CLASS = "picture", "class"


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy with its interval of 95 %: ``correct`` of ``n``."""

    correct: int
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """A conditioning against the control.

    Attributes:
        by: What is paired: ``picture`` where pictures were made from the control's, else ``class``.
        drop: Accuracy on the control less that on the generated pictures, over the pairs; its ``n`` counts them.
        lost, gained: Pairs of single pictures that are right in the control alone, and in the generated picture alone;
            None by class, and where several pictures were made from one.
        p_value: Exact McNemar test of ``lost`` against ``gained``; where there are none, a sign-flip test of the pairs'
            differences.
        p_holm: The same after Holm's correction over the model's conditionings.
    """

    by: str
    drop: Estimate
    lost: int | None
    gained: int | None
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class ClassifierResult:
    """One classifier.

    Attributes:
        accuracy: By conditioning; ``original`` is the control.
        classes: By conditioning, then class name.
        generated: On all generated pictures together; None where there are none.
        comparisons: By conditioning; without those that share neither a picture nor a class with the control.
        baseline: Whether it was named as a baseline of effective robustness.
    """

    model: str
    accuracy: dict[str, Accuracy]
    classes: dict[str, dict[str, Accuracy]]
    generated: Accuracy | None
    comparisons: dict[str, Comparison]
    baseline: bool = False


def measure_model(
    name: str, predictions: pa.Table, class_names: Mapping[int, str], *, resamples: int = 10_000, seed: int = 0
) -> ClassifierResult:
    """Return the accuracy of one classifier's predictions (`editmill.evaluators.predictions.SCHEMA`)."""
    labels, edits = np.asarray(predictions["label"]), np.asarray(predictions["edit"])
    right = labels == np.asarray(predictions["predicted"])
    found = list(dict.fromkeys(edits.tolist()))
    generated = edits != ORIGINAL
    return ClassifierResult(
        name,
        {edit: _accuracy(right[edits == edit]) for edit in found},
        {
            edit: {
                class_names[int(label)]: _accuracy(right[(edits == edit) & (labels == label)])
                for label in np.unique(labels[edits == edit])
            }
            for edit in found
        },
        _accuracy(right[generated]) if generated.any() else None,
        compare(predictions, resamples=resamples, seed=seed),
    )


def _accuracy(right: BoolArray) -> Accuracy:
    correct, n = int(right.sum()), len(right)
    return Accuracy(correct, n, correct / n, *proportion_interval(correct, n))


def compare(predictions: pa.Table, *, resamples: int = 10_000, seed: int = 0) -> dict[str, Comparison]:
    """Compare every conditioning with the control, on what both have."""
    edits = np.asarray(predictions["edit"])
    right = np.asarray(predictions["label"]) == np.asarray(predictions["predicted"])
    control = edits == ORIGINAL
    found = {}
    for edit in dict.fromkeys(edits[~control].tolist()):
        for by, column in ((PICTURE, "source_id"), (CLASS, "label")):
            pairs = np.asarray(predictions[column])
            before, after = (
                _by_pair(pairs[control], right[control]),
                _by_pair(pairs[edits == edit], right[edits == edit]),
            )
            if common := sorted(before.keys() & after.keys()):
                first, second = (np.stack([side[pair] for pair in common]) for side in (before, after))
                found[edit] = _compare(by, first, second, resamples, seed)
                break
    adjusted = holm([one.p_value for one in found.values()])
    return {edit: replace(one, p_holm=p) for (edit, one), p in zip(found.items(), adjusted, strict=True)}


def _by_pair(pairs: np.ndarray, right: BoolArray) -> dict[str, FloatArray]:
    """Return the share of right answers, and the number of answers, float [2], of every pair."""
    names, position = np.unique(pairs, return_inverse=True)
    numbers = np.bincount(position)
    shares = np.bincount(position, right) / numbers
    return {str(name): np.array([share, number]) for name, share, number in zip(names, shares, numbers, strict=True)}


def _compare(by: str, before: FloatArray, after: FloatArray, resamples: int, seed: int) -> Comparison:
    """Compare float [pairs, 2]: share of right answers, number of answers."""
    drop = paired_drop(before[:, 0], after[:, 0], resamples=resamples, seed=seed)
    if by == PICTURE and (before[:, 1] == 1).all() and (after[:, 1] == 1).all():
        lost, gained = int((before[:, 0] > after[:, 0]).sum()), int((after[:, 0] > before[:, 0]).sum())
        p_value = mcnemar_exact(lost, gained)
        return Comparison(by, drop, lost, gained, p_value, p_value)
    p_value = sign_flip(before[:, 0] - after[:, 0], resamples=resamples, seed=seed)
    return Comparison(by, drop, None, None, p_value, p_value)
