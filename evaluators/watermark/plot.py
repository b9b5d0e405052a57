"""Plots of detection over strength and over lost quality, as SVG that needs nothing beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from editmill.evaluators.plot import COLOURS
from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation

STRENGTH, QUALITY = "strength", "quality"

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM, _LEGEND = 62, 24, 16, 62, 18
# Rungs without noise and pure noise have no timestep, so they stand beside the axis of timesteps, so many pixels apart.
_SLOT, _JITTER = 58, 5
_GREY, _INK, _LINE = "#595959", "#1c1c1c", "#e3e3e3"

_Scale = Callable[[float], float]


@dataclass(frozen=True)
class _Axis:
    """A horizontal axis: a place per cell, ticks (place, text), and dashed lines that part its zones."""

    title: str
    place: Callable[[Cell], float | None]
    ticks: tuple[tuple[float, str], ...]
    parted: tuple[float, ...] = ()


def plot_svg(evaluation: WatermarkEvaluation, *, kind: str = STRENGTH) -> str:
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
    schemes = [scheme.name for scheme in evaluation.schemes]
    drawn = {
        name: [(place, cell) for cell in cells if cell.scheme == name and (place := axis.place(cell)) is not None]
        for name in schemes
    }
    if not any(drawn.values()):
        return ""
    top = _TOP + _LEGEND * len(schemes)
    bottom = top + _HEIGHT - _TOP - _BOTTOM

    def y(value: float) -> float:
        return bottom - value * (bottom - top)

    parts = [_horizontal(value / 5, y) for value in range(6)] + [
        _tick(place, text, top, bottom) for place, text in axis.ticks
    ]
    parts += [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="#999" stroke-dasharray="4 4"/>'
        for x in axis.parted
    ]
    for number, (name, points) in enumerate(drawn.items()):
        headline = name in evaluation.headline
        parts += _legend(name, number, headline=headline)
        shift = (number - (len(schemes) - 1) / 2) * _JITTER if kind == STRENGTH else 0.0
        parts += _curve(
            [(place + shift, cell) for place, cell in points], y, COLOURS[number % len(COLOURS)], headline=headline
        )
    title = f"TPR at nominal 1 % {axis.title}"
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, bottom + 44, title))
    size = f'viewBox="0 0 {_WIDTH} {bottom + _BOTTOM:.0f}" width="{_WIDTH}" height="{bottom + _BOTTOM:.0f}"'
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} role="img" aria-label="{escape(title)}">'
    return "\n".join([head, background, *parts, "</svg>"])


def _strength_axis(cells: list[Cell]) -> _Axis:
    before = list(dict.fromkeys(cell.rung for cell in cells if cell.start in ("none", "vae")))
    after = list(dict.fromkeys(cell.rung for cell in cells if cell.start == "clean"))
    left, right = _LEFT + _SLOT * len(before), _WIDTH - _RIGHT - _SLOT * len(after)

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
        return _LEFT + 14 + max(loss, 0.0) / end * (_WIDTH - _RIGHT - _LEFT - 28)

    def place(cell: Cell) -> float | None:
        loss = losses.get((cell.scheme, cell.rung))
        return None if loss is None else x(loss)

    steps = round(end * 10)
    return _Axis(
        "over lost quality, 1 - SSIM", place, tuple((x(step / 10), f"{step / 10:g}") for step in range(steps + 1))
    )


def _curve(points: list[tuple[float, Cell]], y: _Scale, colour: str, *, headline: bool) -> list[str]:
    dash = "" if headline else ' stroke-dasharray="6 4"'
    path = " ".join(f"{x:.1f},{y(cell.tpr().value):.1f}" for x, cell in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>']
    for x, cell in points:
        tpr = cell.tpr()
        low, high = y(tpr.low), y(tpr.high)
        ends = "".join(
            f'<line x1="{x - 3:.1f}" x2="{x + 3:.1f}" y1="{end:.1f}" y2="{end:.1f}" stroke="{colour}"/>'
            for end in (low, high)
        )
        tip = f"{cell.scheme}, {cell.rung}: {tpr.value:.1%} [{tpr.low:.1%}, {tpr.high:.1%}], {tpr.n} samples"
        parts.append(
            f'<g><title>{escape(tip)}</title><line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" '
            f'stroke="{colour}"/>{ends}'
            f'<circle cx="{x:.1f}" cy="{y(tpr.value):.1f}" r="3.6" fill="{colour if headline else "#fff"}" '
            f'stroke="{colour}"/></g>'
        )
    return parts


def _legend(name: str, number: int, *, headline: bool) -> list[str]:
    colour, y = COLOURS[number % len(COLOURS)], _TOP + _LEGEND * number
    text = name if headline else f"{name} (not in the headline)"
    dash = "" if headline else ' stroke-dasharray="6 4"'
    line = f'<line x1="{_LEFT}" x2="{_LEFT + 26}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/>'
    return [line, f'<text x="{_LEFT + 34}" y="{y + 4}" fill="{_INK}">{escape(text)}</text>']


def _horizontal(value: float, y: _Scale) -> str:
    at = y(value)
    line = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_LINE}"/>'
    return (
        line
        + f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" font-size="11" fill="{_GREY}">{value * 100:.0f} '
        "%</text>"
    )


def _tick(x: float, text: str, top: float, bottom: float) -> str:
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{_LINE}"/>'
    return line + _text(x, bottom + 18, text, size=11, colour=_GREY)


def _text(x: float, y: float, text: str, *, size: int = 13, colour: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}" fill="{colour}">{escape(text)}</text>'
    )
