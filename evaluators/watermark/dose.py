"""Dose and response along the ladder: where detection breaks, what quality that costs, and whether the dose does what
it says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from editmill.evaluators.adapters.arrays import FloatArray, IntArray
from editmill.evaluators.statistics import SHARES, Bounds, Estimate, too_few
from editmill.evaluators.watermark.binomial import ALPHAS, detected, threshold
from editmill.evaluators.watermark.bootstrap import SourceBootstrap, interval, moved
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.families import marks
from editmill.evaluators.watermark.rows import Scheme, WatermarkRows


@dataclass(frozen=True)
class Crossing:
    """Where a curve first falls to a level.

    Attributes:
        level: Share of marked samples still found.
        state: ``crossed``, ``not_reached``, or ``below_from_start`` where the first point lies there already.
        value: Place on the axis, interpolated between rungs; None where it is not reached.
        low, high: Ends of the 95 % interval; None where they lie beyond the last rung. It comes from the bootstrap, or,
            for strengths where resamples say too little, from the Clopper-Pearson intervals of the rungs: where their
            lower ends and where their upper ends cross. Both are None beside a value where there is no interval.
    """

    level: float
    state: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DoseResult:
    """A scheme along the ladder.

    Attributes:
        rungs: In the order of strength.
        s50, s5: Strength at which TPR at 1 % falls to 50 % and 5 %.
        q95, q70: 1 - SSIM, against what entered the attack, at which performance falls to 0.95 and 0.7; performance is
            TPR at 0.1 %, after WAVES (arXiv 2401.08573), whose quality axis mixes more measures, so that numbers do not
            compare with theirs. None without SSIM.
        avg_p, avg_q: Means of performance and of 1 - SSIM over the attacks of the ladder, the control left out.
    """

    scheme: str
    rungs: tuple[str, ...]
    s50: Crossing
    s5: Crossing
    q95: Crossing | None
    q70: Crossing | None
    avg_p: Estimate | None
    avg_q: Estimate | None


def crossings(axis: FloatArray, performance: FloatArray, level: float) -> FloatArray:
    """Return first places where curves fall to ``level``.

    Args:
        axis: float [curves, points].
        performance: float [curves, points], in [0, 1].
        level: In (0, 1).

    Returns:
        Float [curves]: linear between the last point above and the first at or below; the first point's place if it is
        below already; infinity where no point is.
    """
    below = performance <= level
    first, curves = below.argmax(axis=1), np.arange(len(performance))
    # Where the first point lies below already, both ends are that point.
    before = np.maximum(first - 1, 0)
    upper, lower = performance[curves, before], performance[curves, first]
    share = np.divide(upper - level, upper - lower, out=np.zeros(len(performance)), where=upper > lower)
    start, end = axis[curves, before], axis[curves, first]
    return np.where(below.any(axis=1), start + np.clip(share, 0, 1) * (end - start), math.inf)


def measure_dose(scheme: Scheme, cells: Sequence[Cell], sampler: SourceBootstrap) -> DoseResult | None:
    """Measure a scheme along its ladder; None where it has no rung."""
    # By what was realised; `check_dose` compares it with the order that was declared.
    rungs = sorted(
        (cell for cell in cells if cell.ladder and cell.scheme == scheme.name), key=lambda cell: cell.strength
    )
    if not rungs:
        return None
    strengths = np.array([cell.strength for cell in rungs])
    first, second = (_Curve([_hits(cell, scheme, alpha, sampler) for cell in rungs], sampler) for alpha in ALPHAS)
    losses = [_losses(cell, sampler) for cell in rungs]
    # A rung without SSIM would leave a gap in the axis of quality.
    known = all(len(values) for values, _ in losses)
    quality = _Curve(losses, sampler) if known else None
    strength_axis = _Curve.fixed(strengths, sampler)
    attacks = [number for number, cell in enumerate(rungs) if cell.start != "none"]
    return DoseResult(
        scheme.name,
        tuple(cell.rung for cell in rungs),
        _crossing(strength_axis, first, 0.5, _bands(rungs)),
        _crossing(strength_axis, first, 0.05, _bands(rungs)),
        _crossing(quality, second, 0.95) if quality else None,
        _crossing(quality, second, 0.7) if quality else None,
        _average(second, attacks, SHARES),
        _average(quality, attacks, (0.0, 2.0)) if quality else None,
    )


def _bands(rungs: Sequence[Cell]) -> FloatArray:
    """Return the ends of the rates' intervals, float [2, rungs]."""
    return np.array([[cell.tpr().low for cell in rungs], [cell.tpr().high for cell in rungs]])


class _Curve:
    """A mean per rung: the estimate [1, rungs], and in every resample [resamples, rungs]; ``columns`` are the values
    and sources of each rung.
    """

    def __init__(self, columns: Sequence[tuple[FloatArray, IntArray]], sampler: SourceBootstrap) -> None:
        self.columns = columns
        self.value = np.array([[values.mean() for values, _ in columns]])
        drawn = np.stack([sampler.means(values, clusters) for values, clusters in columns], axis=1)
        # A resample that drew no source of a small arm says nothing of it.
        self.resampled = np.where(np.isnan(drawn), self.value, drawn)

    @classmethod
    def fixed(cls, values: FloatArray, sampler: SourceBootstrap) -> _Curve:
        """Return a curve that no resample changes."""
        curve = cls.__new__(cls)
        curve.columns = ()
        curve.value, curve.resampled = values[None], np.broadcast_to(values, (len(sampler.draws), len(values)))
        return curve


def _hits(cell: Cell, scheme: Scheme, alpha: float, sampler: SourceBootstrap) -> tuple[FloatArray, IntArray]:
    found = marks(cell.families.positives, scheme.name, sampler)
    return detected(found.matches, found.decoded, threshold(scheme.bits, alpha)), found.clusters


def _losses(cell: Cell, sampler: SourceBootstrap) -> tuple[FloatArray, IntArray]:
    measured = [row for row in cell.families.positives if "ssim_input" in row.scores]
    values = np.array([1 - row.scores["ssim_input"] for row in measured], dtype=np.float64)
    return values, sampler.numbers([row.source_id for row in measured])


def _crossing(axis: _Curve, performance: _Curve, level: float, bands: FloatArray | None = None) -> Crossing:
    value = float(crossings(axis.value, performance.value, level)[0])
    drawn = crossings(axis.resampled, performance.resampled, level)
    # Ranks, since infinities cannot be interpolated.
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975], method="inverted_cdf"))
    n = min(len(values) for values, _ in performance.columns)
    if too_few(n, max(moved(values) for values, _ in performance.columns)) or low == high:
        nowhere = np.array([math.inf, math.inf])
        ends = nowhere if bands is None else crossings(np.repeat(axis.value, 2, axis=0), bands, level)
        low, high = float(ends[0]), float(ends[1])
    if not math.isinf(low):
        low, high = min(low, value), max(high, value)
    state = (
        "not_reached" if math.isinf(value) else "below_from_start" if performance.value[0, 0] <= level else "crossed"
    )
    return Crossing(level, state, _finite(value), _finite(low), _finite(high))


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else value


def _average(curve: _Curve, columns: list[int], bounds: Bounds) -> Estimate | None:
    if not columns:
        return None
    parts = [curve.columns[column] for column in columns]
    values, drawn = curve.value[0, columns], curve.resampled[:, columns]
    # A source counts in every rung that it is in; the largest of these weights bounds what one source can do.
    clusters = np.concatenate([own for _, own in parts])
    weights = np.concatenate([np.full(len(own), 1 / len(own) / len(parts)) for _, own in parts])
    return interval(
        float(values.mean()),
        drawn.mean(axis=1),
        min(len(own) for _, own in parts),
        moved=max(moved(own) for own, _ in parts),
        bounds=bounds,
        independent=float(1 / np.bincount(clusters, weights).max()),
    )


@dataclass(frozen=True)
class Violation:
    """A place where the ladder isn't what it should be.

    Attributes:
        kind: ``snr``: the realised signal-to-noise ratio does not fall; ``tpr``: TPR at 1 % rises beyond both
            intervals; ``mixed``: samples of one rung started at different timesteps.
        scheme: "" where it concerns all.
        before, after: The rungs.
    """

    kind: str
    scheme: str
    before: str
    after: str
    message: str


def check_dose(rows: WatermarkRows, cells: Sequence[Cell]) -> tuple[Violation, ...]:
    """Check that the realised signal-to-noise ratio falls strictly from rung to rung as declared, and that detection
    does not rise.
    """
    found = list(_check_realised(rows))
    for scheme in rows.schemes:
        ladder = [cell for cell in cells if cell.ladder and cell.scheme == scheme.name]
        found += _check_tpr(ladder)
    return tuple(found)


def _check_realised(rows: WatermarkRows) -> list[Violation]:
    found, ladder = [], []
    for attack in rows.attacks:
        facts = [row.attack for row in rows.rows if row.ok and row.rung == attack.name]
        started = sorted({int(fact.get("timestep", -1)) for fact in facts})
        if len(started) > 1:
            message = f"{attack.name} started at {len(started)} different timesteps, from {started[0]} to {started[-1]}"
            found.append(Violation("mixed", "", attack.name, attack.name, message))
        if attack.ladder and facts:
            ladder.append((attack, _ratio(facts[0].get("snr"))))
    for (before, high), (after, low) in pairwise(ladder):
        # Neither the control nor the autoencoder adds noise, so both ratios are infinite.
        if not low < high and not (math.isinf(low) and before.start == "none"):
            message = f"the realised SNR does not fall from {before.name} ({high:.3g}) to {after.name} ({low:.3g})"
            found.append(Violation("snr", "", before.name, after.name, message))
    return found


def _ratio(snr: float | None) -> float:
    return math.inf if snr is None else float(snr)


def _check_tpr(ladder: Sequence[Cell]) -> list[Violation]:
    found: list[Violation] = []
    least: Cell | None = None
    for cell in ladder:
        now = cell.tpr()
        if least is not None and now.low > least.tpr().high:
            change = f"from {least.tpr().value:.1%} at {least.rung} to {now.value:.1%} at {cell.rung}"
            message = f"{cell.scheme}: TPR at 1 % rises {change}, beyond both intervals"
            found.append(Violation("tpr", cell.scheme, least.rung, cell.rung, message))
        if least is None or now.high < least.tpr().high:
            least = cell
    return found
