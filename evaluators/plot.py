"""A plot of drops with their intervals, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from editmill.evaluators.accuracy import Evaluation
from editmill.evaluators.columns import Column
from editmill.evaluators.layout import points
from editmill.evaluators.statistics import Estimate

# Distinguishable with common colour blindness (Okabe & Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

_LEFT, _RIGHT, _TOP, _BOTTOM = 170, 30, 14, 44
_WIDTH, _BAR, _GAP = 860, 14, 12
_LEGEND, _APART = 18, 14
# Width of a letter of a name in the page's font, in pixels, amply.
_LETTER = 7.5

_Scale = Callable[[float], float]


def drop_plot(evaluations: Sequence[Evaluation]) -> str:
    """Draw a bar per compared column and model with its interval, controls first; empty when nothing was compared."""
    columns = list(dict.fromkeys(column for evaluation in evaluations for column, _ in _drops(evaluation)))
    if not columns:
        return ""
    columns.sort(key=lambda column: not column.control)
    low, high, step = _axis(evaluations)
    left = max(_LEFT, 20 + _LETTER * max(len(column.name) for column in columns))
    legend = _legend(evaluations, left)
    top = _TOP + _LEGEND * len(legend)
    height = _BAR * len(evaluations) + _GAP
    controls = sum(column.control for column in columns)
    apart = _APART if 0 < controls < len(columns) else 0
    bottom = top + height * len(columns) + apart

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (_WIDTH - left - _RIGHT)

    parts = legend + [_grid(low + step * tick, x, top, bottom) for tick in range(round((high - low) / step) + 1)]
    if apart:
        middle = top + height * controls + apart / 2
        parts.append(f'<line class="apart" x1="0" x2="{_WIDTH - _RIGHT}" y1="{middle:.1f}" y2="{middle:.1f}"/>')
    for row, column in enumerate(columns):
        start = top + row * height + (0 if column.control else apart)
        parts.append(_label(column, left, start + height / 2))
        for number, evaluation in enumerate(evaluations):
            parts += [
                _bar(evaluation.model, column, drop, x, start + _GAP / 2 + number * _BAR, _colour(number))
                for other, drop in _drops(evaluation)
                if other == column
            ]
    title = "Drop of top-1 accuracy against the unedited samples, in percentage points"
    parts.append(
        f'<text x="{(left + _WIDTH - _RIGHT) / 2:.0f}" y="{bottom + 36:.0f}" text-anchor="middle">{title}</text>'
    )
    size = f'viewBox="0 0 {_WIDTH} {bottom + _BOTTOM:.0f}"'
    return f'<svg {size} role="img" aria-label="{title}">\n' + "\n".join(parts) + "\n</svg>"


def _drops(evaluation: Evaluation) -> list[tuple[Column, Estimate]]:
    return [(result.column, result.comparison.drop) for result in evaluation.columns if result.comparison]


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _legend(evaluations: Sequence[Evaluation], left: float) -> list[str]:
    """Return name the models by their colours, a line each; one model needs no legend."""
    if len(evaluations) < 2:
        return []
    return [
        f'<circle cx="{left + 6:.1f}" cy="{_TOP + _LEGEND * number}" r="5" fill="{_colour(number)}"/>'
        f'<text x="{left + 18:.1f}" y="{_TOP + _LEGEND * number + 4}">{escape(evaluation.model)}</text>'
        for number, evaluation in enumerate(evaluations)
    ]


def _axis(evaluations: Sequence[Evaluation]) -> tuple[float, float, float]:
    """Return ends and step of an axis that holds zero and all intervals, with at most ten round steps."""
    drops = [drop for evaluation in evaluations for _, drop in _drops(evaluation)]
    least, most = min(0.0, *(drop.low for drop in drops)), max(0.01, *(drop.high for drop in drops))
    step = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (most - least) / size <= 8 or size == 0.5)
    return math.floor(least / step + 1e-9) * step, math.ceil(most / step - 1e-9) * step, step


def _grid(value: float, x: _Scale, top: float, bottom: float) -> str:
    at, kind = x(value), "zero" if abs(value) < 1e-9 else "grid"
    return (
        (
            f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}"/>'
            f'<text class="tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{value * 100:+.0f}</text>'
        )
        .replace(">+0<", ">0<")
        .replace(">-0<", ">0<")
    )


def _label(column: Column, left: float, y: float) -> str:
    kind = ' class="control"' if column.control else ""
    return f'<text{kind} x="{left - 10:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(column.name)}</text>'


def _bar(model: str, column: Column, drop: Estimate, x: _Scale, top: float, colour: str) -> str:
    left, right, middle = min(x(0), x(drop.value)), max(x(0), x(drop.value)), top + _BAR / 2
    tip = f"{model}, {column.name}: {points(drop.value)} [{points(drop.low)}, {points(drop.high)}], {drop.n} pairs"
    # A control is an outline, so that it does not read as an edit.
    opacity = 0.12 if column.control else 0.7
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
        f'fill-opacity="{opacity}" stroke="{colour}"/>{whisker}</g>'
    )
