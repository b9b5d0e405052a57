"""Plots of detection over strength and over lost quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from editmill.evaluators import svg
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation

STRENGTH, QUALITY = "strength", "quality"

_HEIGHT, _LEFT, _END, _TOP, _BOTTOM = 420, 62, svg.WIDTH - 24, 16, 62
# Rungs without noise and pure noise have no timestep, so they stand beside the axis of timesteps, so many pixels apart.
_SLOT, _JITTER = 58, 5


@dataclass(frozen=True)
class _Axis:
    """A horizontal axis: a place per cell, ticks (place, text), and dashed lines that part its zones."""

    title: str
    place: Callable[[Cell], float | None]
    ticks: tuple[tuple[float, str], ...]
    parted: tuple[float, ...] = ()


def tpr_plot(evaluation: WatermarkEvaluation, *, kind: str = STRENGTH) -> str:
    """Draw TPR at 1 % of every scheme along the ladder, with Clopper-Pearson intervals.

    Schemes outside the headline are dashed.

    Args:
        evaluation: What to draw.
        kind: ``strength`` (realised t / 1000) or ``quality`` (mean 1 - SSIM against what entered the attack).

    Returns:
        An SVG document; empty where there is nothing to draw.
    """
    cells = [cell for cell in evaluation.cells if cell.ladder]
    axis = _strength_axis(cells) if kind == STRENGTH else _quality_axis(evaluation, cells)
    placed = [(place, cell) for cell in cells if (place := axis.place(cell)) is not None]
    if not placed:
        return ""
    schemes = [scheme.name for scheme in evaluation.schemes]
    outside = [name not in evaluation.headline for name in schemes]
    top = _TOP + svg.LEGEND * len(schemes)
    bottom = top + _HEIGHT - _TOP - _BOTTOM

    def y(value: float) -> float:
        return bottom - value * (bottom - top)

    names = [name + " (not in the headline)" * dashed for name, dashed in zip(schemes, outside, strict=True)]
    parts = svg.legend(names, left=_LEFT, top=_TOP, dashed=outside)
    parts += [_horizontal(value / 5, y) for value in range(6)]
    parts += [_tick(place, text, top, bottom) for place, text in axis.ticks]
    parts += [svg.line(x, x, top, bottom, colour="#999", dash="4 4") for x in axis.parted]
    for number, name in enumerate(schemes):
        # At a rung all schemes have one strength, but each its own loss of quality.
        shift = (number - (len(schemes) - 1) / 2) * _JITTER if kind == STRENGTH else 0.0
        marks = _marks((place + shift, cell) for place, cell in placed if cell.scheme == name)
        parts += svg.curve(marks, y, svg.colour_of(number), dashed=outside[number])
    title = f"TPR at nominal 1 % {axis.title}"
    parts.append(svg.text((_LEFT + _END) / 2, bottom + 44, title))
    return svg.document(title, parts, height=bottom + _BOTTOM)


def _strength_axis(cells: list[Cell]) -> _Axis:
    before = list(dict.fromkeys(cell.rung for cell in cells if cell.start in ("none", "vae")))
    after = list(dict.fromkeys(cell.rung for cell in cells if cell.start == "clean"))
    left, right = _LEFT + _SLOT * len(before), _END - _SLOT * len(after)

    def x(strength: float) -> float:
        return left + 14 + strength * (right - left - 28)

    def place(cell: Cell) -> float:
        if cell.rung in before:
            return _LEFT + _SLOT * (before.index(cell.rung) + 0.5)
        return right + _SLOT * (after.index(cell.rung) + 0.5) if cell.rung in after else x(cell.strength)

    names = [(_LEFT + _SLOT * (number + 0.5), name) for number, name in enumerate(before)]
    names += [(right + _SLOT * (number + 0.5), name) for number, name in enumerate(after)]
    ticks = (*names, *((x(value / 5), f"{value / 5:g}") for value in range(6)))
    parted = tuple(edge for edge, rungs in ((left, before), (right, after)) if rungs)
    return _Axis("over realised strength, t / 1000", place, ticks, parted)


def _quality_axis(evaluation: WatermarkEvaluation, cells: list[Cell]) -> _Axis:
    losses = {
        (one.scheme, one.rung): 1 - measure.value.value
        for one in evaluation.quality
        for measure in one.measures
        if measure.name == "ssim_input" and one.scheme
    }
    used = [losses[cell.scheme, cell.rung] for cell in cells if (cell.scheme, cell.rung) in losses]
    end = max(0.1, math.ceil(max(used, default=0.0) * 10 - 1e-9) / 10)

    def x(loss: float) -> float:
        return _LEFT + 14 + max(loss, 0.0) / end * (_END - _LEFT - 28)

    def place(cell: Cell) -> float | None:
        loss = losses.get((cell.scheme, cell.rung))
        return None if loss is None else x(loss)

    steps = round(end * 10)
    return _Axis(
        "over lost quality, 1 - SSIM", place, tuple((x(step / 10), f"{step / 10:g}") for step in range(steps + 1))
    )


def _marks(places: Iterable[tuple[float, Cell]]) -> list[svg.Mark]:
    marks = []
    for x, cell in places:
        tpr = cell.tpr()
        tip = f"{cell.scheme}, {cell.rung}: {tpr.value:.1%} [{tpr.low:.1%}, {tpr.high:.1%}], {tpr.n} samples"
        marks.append(svg.Mark(x, tpr.value, tpr.low, tpr.high, tip))
    return marks


def _horizontal(value: float, y: svg.Scale) -> str:
    label = svg.text(_LEFT - 8, y(value) + 4, f"{value * 100:.0f} %", anchor="end", size=11, colour=svg.GREY)
    return svg.line(_LEFT, _END, y(value), y(value)) + label


def _tick(x: float, text: str, top: float, bottom: float) -> str:
    return svg.line(x, x, top, bottom) + svg.text(x, bottom + 18, text, size=11, colour=svg.GREY)
