"""Drops by the size of the object and by the difficulty of the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from editmill.evaluators.adapters.arrays import IntArray
from editmill.evaluators.attribute.columns import ORIGINAL
from editmill.evaluators.attribute.outcomes import Outcomes
from editmill.evaluators.attribute.pairing import Uncertainty
from editmill.evaluators.attribute.rows import Sources
from editmill.evaluators.statistics import DROPS, Estimate, mean_of_means

LEAST_SOURCES = 9
SIZES = ("small", "middle", "large")
DIFFICULTIES = ("hard", "middle", "easy")


@dataclass(frozen=True)
class Stratum:
    """A third of the sources.

    Attributes:
        by: What the sources are split by: ``size`` (share of the frame) or ``margin`` (of the judge).
        name: Which third.
        sources: Sources in it.
        low: Lowest value in it.
        high: Highest value in it.
        original_accuracy: Accuracy on their unedited samples.
        mean_drop: Mean of the drops over the edited columns that have pairs in every stratum of the split, with an
            interval over sources; None where there is no such column.
    """

    by: str
    name: str
    sources: int
    low: float
    high: float
    original_accuracy: float
    mean_drop: Estimate | None


def strata(outcomes: Outcomes, sources: Sources, uncertainty: Uncertainty) -> tuple[Stratum, ...]:
    """Split the sources into thirds by size and by margin, and measure each third.

    Equal values stay together, so thirds may differ in size, and one that ties leave empty is left out. There are no
    strata by a value that fewer than ``LEAST_SOURCES`` sources have, nor where all have the same.
    """
    original = outcomes.position(ORIGINAL)
    if original is None:
        return ()
    splits = (("size", SIZES, sources.areas), ("margin", DIFFICULTIES, sources.margins))
    return tuple(
        stratum
        for by, names, values in splits
        for stratum in _split(outcomes, original, by, names, values, uncertainty)
    )


def thirds(values: npt.ArrayLike) -> IntArray:
    """Return the third that each value is in (0 the lowest), as int64 [n]; equal values are in the same one."""
    array = np.asarray(values, dtype=np.float64)
    ordered, n = np.sort(array), array.size
    return np.searchsorted(ordered[[(n - 1) // 3, (2 * n - 1) // 3]], array, side="left").astype(np.int64)


def _split(
    outcomes: Outcomes,
    original: int,
    by: str,
    names: tuple[str, ...],
    values: Mapping[str, float],
    uncertainty: Uncertainty,
) -> list[Stratum]:
    measured = np.array([values.get(source, np.nan) for source in outcomes.sources])
    rows = np.flatnonzero(~np.isnan(measured) & (outcomes.samples[:, original] > 0))
    if rows.size < LEAST_SOURCES:
        return []
    third = thirds(measured[rows])
    groups = [(name, rows[third == number]) for number, name in enumerate(names) if (third == number).any()]
    if len(groups) < 2:
        return []
    edited = [index for index, column in enumerate(outcomes.columns) if not column.control]
    drops = outcomes.mean[:, [original]] - outcomes.mean[:, edited]
    # Otherwise the thirds would be means over different edits.
    drops = drops[:, np.all([(~np.isnan(drops[mine])).any(axis=0) for _, mine in groups], axis=0)]
    return [
        Stratum(
            by=by,
            name=name,
            sources=mine.size,
            low=float(measured[mine].min()),
            high=float(measured[mine].max()),
            original_accuracy=float(outcomes.mean[mine, original].mean()),
            mean_drop=mean_of_means(drops[mine], bounds=DROPS, **asdict(uncertainty)) if drops.shape[1] else None,
        )
        for name, mine in groups
    ]
