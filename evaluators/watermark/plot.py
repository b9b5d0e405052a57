"""Plots of detection over strength and over lost quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from editmill.evaluators.plots import Curve, CurvePlot, Mark, Panel
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation

STRENGTH, QUALITY = "strength", "quality"
# Rungs without noise and pure noise have no timestep, so they stand beside the axis of timesteps, so far apart.
_SLOT = 0.1
# Between schemes that were measured at one strength.
_APART = 0.006

# Where a cell stands on the axis; None where that is not known.
_Place = Callable[[Cell], float | None]


def tpr_plot(evaluation: WatermarkEvaluation, *, kind: str = STRENGTH) -> CurvePlot:
    """Return TPR at 1 % of every scheme along the ladder, with Clopper-Pearson intervals.

    Schemes outside the headline are dashed.

    Args:
        evaluation: What to draw.
        kind: ``strength`` (realised t / 1000) or ``quality`` (mean 1 - SSIM against what entered the attack).
    """
    cells = [cell for cell in evaluation.cells if cell.ladder]
    schemes = [scheme.name for scheme in evaluation.schemes]
    if kind == STRENGTH:
        place, ticks, parted = _strength_axis(cells)
        title, label = "Detection over strength", "realised strength, t / 1000"
    else:
        place, ticks, parted = _quality_place(evaluation), [(step / 10, f"{step / 10:g}") for step in range(11)], []
        title, label = "Detection over lost quality", "lost quality, 1 - SSIM"
        known = [found for cell in cells if (found := place(cell)) is not None]
        ticks = [tick for tick in ticks if tick[0] < max(known, default=0) + 0.1]
    curves = []
    for number, name in enumerate(schemes):
        # At a rung all schemes have one strength, but each its own loss of quality.
        shift = (number - (len(schemes) - 1) / 2) * _APART if kind == STRENGTH else 0.0
        outside = name not in evaluation.headline
        marks = _marks(name, cells, place, shift)
        curves.append(Curve(name + " (not in the headline)" * outside, marks, number, dashed=outside))
    return CurvePlot(title, "TPR at nominal 1 %, in %", [Panel(label, curves, ticks, parted)])


def _strength_axis(cells: list[Cell]) -> tuple[_Place, list[tuple[float, str]], list[float]]:
    """Return places on an axis from 0 to 1 with rungs beside it, its ticks, and the ends of its zones."""
    before = list(dict.fromkeys(cell.rung for cell in cells if cell.start in ("none", "vae")))
    after = list(dict.fromkeys(cell.rung for cell in cells if cell.start == "clean"))
    beside = {rung: -_SLOT * (len(before) - at) for at, rung in enumerate(before)}
    beside |= {rung: 1 + _SLOT * (at + 1) for at, rung in enumerate(after)}
    ticks = [(place, rung) for rung, place in beside.items()]
    parted = [end for end, rungs in ((-_SLOT / 2, before), (1 + _SLOT / 2, after)) if rungs]
    return (
        lambda cell: beside.get(cell.rung, cell.strength),
        [*ticks, *((value / 5, f"{value / 5:g}") for value in range(6))],
        parted,
    )


def _quality_place(evaluation: WatermarkEvaluation) -> _Place:
    losses = {
        (one.scheme, one.rung): max(0.0, 1 - measure.value.value)
        for one in evaluation.quality
        for measure in one.measures
        if measure.name == "ssim_input" and one.scheme
    }
    return lambda cell: losses.get((cell.scheme, cell.rung))


def _marks(scheme: str, cells: Sequence[Cell], place: _Place, shift: float) -> list[Mark]:
    marks = []
    for cell in cells:
        found = place(cell)
        if cell.scheme == scheme and found is not None:
            tpr = cell.tpr()
            tip = f"{cell.scheme}, {cell.rung}: {tpr.value:.1%} [{tpr.low:.1%}, {tpr.high:.1%}], {tpr.n} samples"
            marks.append(Mark(found + shift, 100 * tpr.value, 100 * tpr.low, 100 * tpr.high, tip))
    return marks
