"""Tables of third-party detectors: ranking, and rates at thresholds from sources that are evaluated nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from editmill.evaluators.adapters.arrays import FloatArray
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.watermark.binomial import ALPHAS
from editmill.evaluators.watermark.bootstrap import SourceBootstrap
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.rates import Rate, calibration_half, empirical_threshold, rate
from editmill.evaluators.watermark.rows import WatermarkRow


@dataclass(frozen=True)
class EmpiricalLevel:
    """Detection at an empirical threshold.

    Attributes:
        alpha: Nominal false-positive rate.
        level: Expected rate of the threshold; None where it is refused.
        nulls: Unmarked samples of the calibration half.
        tpr, fpr: On the other half.
        message: Why there is no threshold, else "".
    """

    alpha: float
    level: float | None
    nulls: int
    tpr: Rate | None
    fpr: Rate | None
    message: str


@dataclass(frozen=True)
class DetectorResult:
    """A detector on a scheme at a rung.

    Attributes:
        n: Marked and as many unmarked samples.
        errors: Samples that it could not decode, counted as the lowest score.
        auroc: Over all of them; no threshold takes part.
    """

    detector: str
    scheme: str
    rung: str
    n: int
    errors: int
    auroc: Estimate
    levels: tuple[EmpiricalLevel, ...]


def measure_detector(
    name: str, scores: Mapping[str, float], cells: Sequence[Cell], sampler: SourceBootstrap
) -> tuple[DetectorResult, ...]:
    """Evaluate the ``scores`` of a detector, by key, in every cell."""
    half = calibration_half(sampler.sources)
    return tuple(_measure(name, scores, cell, half, sampler) for cell in cells)


def _measure(
    name: str, scores: Mapping[str, float], cell: Cell, half: frozenset[str], sampler: SourceBootstrap
) -> DetectorResult:
    sides = cell.families.positives, cell.families.negatives
    marked, unmarked = (_scores(side, scores) for side in sides)
    clusters = sampler.numbers(cell.families.sources)
    calibrating = np.array([source in half for source in cell.families.sources], dtype=bool)
    errors = int(np.isneginf(marked).sum() + np.isneginf(unmarked).sum())
    auroc = sampler.auroc(marked, clusters, unmarked, clusters)
    levels = tuple(
        _level(alpha, unmarked[calibrating], marked[~calibrating], unmarked[~calibrating]) for alpha in ALPHAS
    )
    return DetectorResult(name, cell.scheme, cell.rung, cell.n, errors, auroc, levels)


def _scores(rows: Sequence[WatermarkRow], scores: Mapping[str, float]) -> FloatArray:
    return np.array([scores[row.key] for row in rows], dtype=np.float64)


def _level(alpha: float, nulls: FloatArray, marked: FloatArray, unmarked: FloatArray) -> EmpiricalLevel:
    found = empirical_threshold(nulls, alpha)
    if isinstance(found, str) or not len(marked):
        message = found if isinstance(found, str) else "refused: no source is left to evaluate"
        return EmpiricalLevel(alpha, None, len(nulls), None, None, message)
    tpr, fpr = (rate(int((side > found.value).sum()), len(side)) for side in (marked, unmarked))
    return EmpiricalLevel(alpha, found.level, found.nulls, tpr, fpr, "")
