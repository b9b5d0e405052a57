"""For authors of schemes: which rung breaks a scheme, what survives the autoencoder, and on which pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import fisher_exact

from editmill.evaluators.adapters.arrays import FloatArray
from editmill.evaluators.significance import holm
from editmill.evaluators.statistics import DROPS, Estimate, too_few
from editmill.evaluators.watermark.binomial import ALPHAS, detected, threshold
from editmill.evaluators.watermark.bootstrap import SourceBootstrap, interval, moved
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.families import marks
from editmill.evaluators.watermark.rates import Rate, rate
from editmill.evaluators.watermark.rows import Scheme, WatermarkRow

BROKEN = 0.5


@dataclass(frozen=True)
class Survival:
    """A scheme after the autoencoder alone.

    Attributes:
        rung: A rung that encodes and decodes without noise.
        control_tpr, tpr: TPR at 1 % on the control and here.
        survivors: Of the marked samples that the control finds, those found here; None where it finds none.
        control_bit_accuracy, bit_accuracy: means.
        margin_bits: Mean matches here less the 1 % threshold.
    """

    scheme: str
    rung: str
    control_tpr: Rate
    tpr: Rate
    survivors: Rate | None
    control_bit_accuracy: float
    bit_accuracy: float
    margin_bits: float


@dataclass(frozen=True)
class BreakingRung:
    """Where a scheme breaks.

    Attributes:
        rung: First of the ladder whose TPR at 1 % lies below one half; "" where none does.
        clear: Whether its whole interval does.
        before: The rung before it.
        tpr: there.
        margin_bits: Mean matches there less the 1 % threshold.
    """

    scheme: str
    rung: str
    clear: bool
    before: str
    tpr: Rate | None
    margin_bits: float | None


@dataclass(frozen=True)
class TextureSplit:
    """Flat against textured sources, halves by the share of nearly flat pixels.

    Attributes:
        flat, textured: TPR at 1 %.
        difference: Flat less textured. Its interval comes from the bootstrap, or, where resamples say too little, from
            exact intervals of 97.5 % of both rates.
        flat_share: The median that parts them.
        p, holm: Of Fisher's exact test of equal rates, and adjusted by Holm over all of these tests.
    """

    scheme: str
    rung: str
    flat: Rate
    textured: Rate
    difference: Estimate
    flat_share: float
    p: float
    holm: float = 1.0


def measure_survival(scheme: Scheme, cells: Sequence[Cell], control: str) -> tuple[Survival, ...]:
    """Compare the autoencoder's rungs with the control."""
    own = [cell for cell in cells if cell.scheme == scheme.name]
    base = next((cell for cell in own if cell.rung == control), None)
    if base is None:
        return ()
    # What the control misses already is not lost to the autoencoder.
    found = {row.source_id for row in base.families.positives if _is_found(row, scheme)}
    results = []
    for cell in own:
        if cell.start == "vae":
            kept = [_is_found(row, scheme) for row in cell.families.positives if row.source_id in found]
            survivors = rate(sum(kept), len(kept)) if kept else None
            accuracies = base.bit_accuracy.value, cell.bit_accuracy.value
            results.append(
                Survival(scheme.name, cell.rung, base.tpr(), cell.tpr(), survivors, *accuracies, cell.margin_bits)
            )
    return tuple(results)


def find_breaking_rung(scheme: Scheme, cells: Sequence[Cell]) -> BreakingRung:
    """Return the first rung, by strength, at which less than half of the marked samples are found."""
    ladder = sorted(
        (cell for cell in cells if cell.scheme == scheme.name and cell.ladder), key=lambda cell: cell.strength
    )
    before = ""
    for cell in ladder:
        tpr = cell.tpr()
        if tpr.value < BROKEN:
            return BreakingRung(scheme.name, cell.rung, tpr.high < BROKEN, before, tpr, cell.margin_bits)
        before = cell.rung
    return BreakingRung(scheme.name, "", False, before, None, None)


def measure_textures(scheme: Scheme, cells: Sequence[Cell], sampler: SourceBootstrap) -> tuple[TextureSplit, ...]:
    """Part each cell's sources at the median of their flat shares.

    Nothing where they don't differ or aren't known.
    """
    results = []
    for cell in (cell for cell in cells if cell.scheme == scheme.name):
        rows = [row for row in cell.families.positives if "flat_share" in row.source]
        shares = np.array([float(row.source["flat_share"]) for row in rows])
        if len(rows) < 2 or shares.min() == shares.max():
            continue
        middle = float(np.median(shares))
        # Where the median is also the largest value, what lies below it is the other half.
        flat = shares > middle if (shares > middle).any() else shares >= middle
        found = marks(tuple(rows), scheme.name, sampler)
        hits = detected(found.matches, found.decoded, threshold(scheme.bits, ALPHAS[0]))
        drawn = sampler.means(hits[flat], found.clusters[flat]) - sampler.means(hits[~flat], found.clusters[~flat])
        difference = _difference(hits[flat], hits[~flat], drawn)
        even, textured = _rate(hits[flat]), _rate(hits[~flat])
        counts = np.array([[side.hits, side.n - side.hits] for side in (even, textured)])
        p = min(1.0, float(fisher_exact(counts).pvalue))
        results.append(TextureSplit(scheme.name, cell.rung, even, textured, difference, middle, p))
    return tuple(results)


def adjust_textures(splits: Sequence[TextureSplit]) -> tuple[TextureSplit, ...]:
    """Adjust the p-values of one table by Holm."""
    adjusted = holm([one.p for one in splits])
    return tuple(replace(one, holm=value) for one, value in zip(splits, adjusted, strict=True))


def _difference(first: FloatArray, second: FloatArray, drawn: FloatArray) -> Estimate:
    value, n = float(first.mean() - second.mean()), len(first) + len(second)
    if too_few(min(len(first), len(second)), min(moved(first), moved(second))):
        # Two intervals of 97.5 % hold together with 95 %.
        one, other = (rate(int(side.sum()), len(side), confidence=0.975) for side in (first, second))
        return Estimate(value, one.low - other.high, one.high - other.low, n)
    return interval(value, drawn, n, moved=n, bounds=DROPS)


def _rate(hits: FloatArray) -> Rate:
    return rate(int(hits.sum()), len(hits))


def _is_found(row: WatermarkRow, scheme: Scheme) -> bool:
    detection = row.detections[scheme.name]
    return detection.decoded and detection.matches >= threshold(scheme.bits, ALPHAS[0]).matches
