"""A plot of drops with their intervals, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from evaluators.accuracy import Evaluation
from evaluators.pairing import Column
from evaluators.statistics import Estimate
from evaluators.tables import points

# Distinguishable with common colour blindness (Okabe & Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

_LEFT, _RIGHT, _TOP, _BOTTOM = 170, 30, 14, 44
_WIDTH, _BAR, _GAP = 860, 14, 12

_Scale = Callable[[float], float]


def drop_plot(evaluations: Sequence[Evaluation]) -> str:
    """Draw a bar per compared column and model with its interval; empty when nothing was compared."""
    columns = list(dict.fromkeys(column for evaluation in evaluations for column, _ in _drops(evaluation)))
    if not columns:
        return ""
    low, high, step = _axis(evaluations)
    height = _BAR * len(evaluations) + _GAP
    bottom = _TOP + height * len(columns)

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = [_grid(low + step * tick, x, bottom) for tick in range(round((high - low) / step) + 1)]
    for row, column in enumerate(columns):
        top = _TOP + row * height
        parts.append(_label(column, top + height / 2))
        for number, evaluation in enumerate(evaluations):
            parts += [
                _bar(evaluation.model, column, drop, x, top + _GAP / 2 + number * _BAR, COLOURS[number % len(COLOURS)])
                for other, drop in _drops(evaluation)
                if other == column
            ]
    title = "Drop of top-1 accuracy against the unedited samples, in percentage points"
    parts.append(f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{bottom + 36}" text-anchor="middle">{title}</text>')
    size = f'viewBox="0 0 {_WIDTH} {bottom + _BOTTOM}"'
    return f'<svg {size} role="img" aria-label="{title}">\n' + "\n".join(parts) + "\n</svg>"


def _drops(evaluation: Evaluation) -> list[tuple[Column, Estimate]]:
    return [(result.column, result.comparison.drop) for result in evaluation.columns if result.comparison]


def _axis(evaluations: Sequence[Evaluation]) -> tuple[float, float, float]:
    """Return ends and step of an axis that holds zero and all intervals, with at most ten round steps."""
    drops = [drop for evaluation in evaluations for _, drop in _drops(evaluation)]
    least, most = min(0.0, *(drop.low for drop in drops)), max(0.01, *(drop.high for drop in drops))
    step = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (most - least) / size <= 8 or size == 0.5)
    return math.floor(least / step + 1e-9) * step, math.ceil(most / step - 1e-9) * step, step


def _grid(value: float, x: _Scale, bottom: float) -> str:
    at, kind = x(value), "zero" if abs(value) < 1e-9 else "grid"
    return (
        (
            f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>'
            f'<text class="tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{value * 100:+.0f}</text>'
        )
        .replace(">+0<", ">0<")
        .replace(">-0<", ">0<")
    )


def _label(column: Column, y: float) -> str:
    kind = ' class="control"' if column.control else ""
    return f'<text{kind} x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(column.name)}</text>'


def _bar(model: str, column: Column, drop: Estimate, x: _Scale, top: float, colour: str) -> str:
    left, right, middle = min(x(0), x(drop.value)), max(x(0), x(drop.value)), top + _BAR / 2
    tip = f"{model}, {column.name}: {points(drop.value)} [{points(drop.low)}, {points(drop.high)}], {drop.n} pairs"
    opacity = 0.35 if column.control else 0.7
    whisker = "".join(
        f'<line class="whisker" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
        for x1, x2, y1, y2 in (
            (x(drop.low), x(drop.high), middle, middle),
            (x(drop.low), x(drop.low), middle - 3, middle + 3),
            (x(drop.high), x(drop.high), middle - 3, middle + 3),
        )
    )
    return (
        f"<g><title>{escape(tip)}</title>"
        f'<rect x="{left:.1f}" y="{top + 1:.1f}" width="{right - left:.1f}" height="{_BAR - 2}" fill="{colour}" '
        f'fill-opacity="{opacity}"/>{whisker}</g>'
    )
