"""Accuracy on generated pictures, and effective robustness against accuracy on real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.statistics import proportion_interval
from editmill.evaluators.synthesis.rows import ORIGINAL

LEAST_MODELS = 3


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy with its interval of 95 %: ``correct`` of ``n``."""

    correct: int
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassifierResult:
    """One classifier.

    Attributes:
        accuracy: By conditioning; ``original`` is the control.
        classes: By conditioning, then class name.
        generated: On all generated pictures together; None where there are none.
    """

    model: str
    accuracy: dict[str, Accuracy]
    classes: dict[str, dict[str, Accuracy]]
    generated: Accuracy | None


@dataclass(frozen=True)
class Robustness:
    """Effective robustness of one model on one conditioning, "" for all: ``shift`` - ``expected``, the accuracy that
    the baselines' line gives.
    """

    model: str
    conditioning: str
    standard: float
    shift: float
    expected: float
    value: float


def measure_model(name: str, predictions: pa.Table, class_names: dict[int, str]) -> ClassifierResult:
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
    )


def _accuracy(right: np.ndarray) -> Accuracy:
    correct, n = int(right.sum()), len(right)
    return Accuracy(correct, n, correct / n, *proportion_interval(correct, n))


def effective_robustness(results: Sequence[ClassifierResult]) -> tuple[Robustness, ...]:
    """Return acc_shift - beta(acc_std), with beta a line between logits that is fitted on the given models (Taori et
    al., arXiv 2007.00644, section 2).

    Empty below three models, without the control, or where all models are equally accurate on it. Half a success and
    half a failure are added to every count before its logit, which is infinite at 0 and 1.
    """
    known = [one for one in results if ORIGINAL in one.accuracy and one.generated is not None]
    if len(known) < LEAST_MODELS:
        return ()
    standard = np.array([_logit(one.accuracy[ORIGINAL]) for one in known])
    if np.ptp(standard) < 1e-9:
        return ()
    # All models saw the same samples, so the conditionings of one are those of all.
    names = [name for name in known[0].accuracy if name != ORIGINAL]
    found = []
    for name in (*names, ""):
        shifts = [one.accuracy[name] if name else one.generated for one in known]
        slope, intercept = np.polyfit(standard, [_logit(shift) for shift in shifts if shift is not None], 1)
        for one, at, shift in zip(known, standard, shifts, strict=True):
            assert shift is not None
            expected = float(1 / (1 + np.exp(-(slope * at + intercept))))
            real, lifted = one.accuracy[ORIGINAL].value, shift.value - expected
            found.append(Robustness(one.model, name, real, shift.value, expected, lifted))
    return tuple(found)


def _logit(accuracy: Accuracy) -> float:
    return float(np.log((accuracy.correct + 0.5) / (accuracy.n - accuracy.correct + 0.5)))
