"""Bars of drops with their intervals, a group per edit and a bar per model."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from editmill.evaluators import svg
from editmill.evaluators.figures import counted, points, points_range
from editmill.evaluators.statistics import Estimate

_LEFT, _RIGHT, _TOP, _BOTTOM, _BAR, _GAP, _APART = 170, 30, 14, 44, 14, 12, 14
# Width of a letter of a name in the page's font, in pixels, amply.
_LETTER = 7.5

# A model's name and its drops by edit.
Series = tuple[str, Mapping[str, Estimate]]


def drop_bars(series: Sequence[Series], *, title: str, controls: Collection[str] = ()) -> str:
    """Draw a bar per edit and model, controls first and apart; empty where there is no drop.

    Args:
        series: The models, in order; several get a legend.
        title: What the axis shows.
        controls: Edits that are outlined, so that they do not read as edits under study.
    """
    names = list(dict.fromkeys(name for _, drops in series for name in drops))
    if not names:
        return ""
    names.sort(key=lambda name: name not in controls)
    left = max(_LEFT, 20 + _LETTER * max(map(len, names)))
    low, high, step = _axis([drop for _, drops in series for drop in drops.values()])

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (svg.WIDTH - left - _RIGHT)

    shown = [model for model, _ in series] if len(series) > 1 else []
    top, height = _TOP + svg.LEGEND * len(shown), _BAR * len(series) + _GAP
    first = sum(name in controls for name in names)
    apart = _APART if 0 < first < len(names) else 0
    bottom = top + height * len(names) + apart
    parts = svg.legend(shown, left=left, top=_TOP)
    parts += [_grid(low + step * tick, x, top, bottom) for tick in range(round((high - low) / step) + 1)]
    if apart:
        middle = top + height * first + apart / 2
        parts.append(svg.line(0, svg.WIDTH - _RIGHT, middle, middle, colour="#999", dash="4 4", kind="apart"))
    for row, name in enumerate(names):
        start = top + row * height + (0 if row < first else apart)
        parts += _group(name, series, x, start, left, control=name in controls)
    parts.append(svg.text((left + svg.WIDTH - _RIGHT) / 2, bottom + 36, title))
    return svg.document(title, parts, height=bottom + _BOTTOM)


def _axis(drops: Sequence[Estimate]) -> tuple[float, float, float]:
    """Return the ends and step of an axis that holds zero and all intervals, with at most ten round steps."""
    # Some length, also where all drops are zero.
    least, most = min(0.0, *(drop.drawn[0] for drop in drops)), max(0.01, *(drop.drawn[1] for drop in drops))
    step = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (most - least) / size <= 8 or size == 0.5)
    # The slack keeps rounding from adding a step beyond an end that lies on one.
    return math.floor(least / step + 1e-9) * step, math.ceil(most / step - 1e-9) * step, step


def _grid(value: float, x: svg.Scale, top: float, bottom: float) -> str:
    at, zero = x(value), abs(value) < 1e-9
    colour, kind = ("#555", "zero") if zero else (svg.LINE, "grid")
    said = "0" if round(value * 100) == 0 else f"{value * 100:+.0f}"
    tick = svg.text(at, bottom + 16, said, size=11, colour=svg.GREY, kind="tick")
    return svg.line(at, at, top, bottom, colour=colour, kind=kind) + tick


def _group(name: str, series: Sequence[Series], x: svg.Scale, top: float, left: float, *, control: bool) -> list[str]:
    middle = top + (_BAR * len(series) + _GAP) / 2
    colour, kind = ("#6b6b6b", "control") if control else (svg.INK, "")
    parts = [svg.text(left - 10, middle + 4, name, anchor="end", colour=colour, kind=kind)]
    for number, (model, drops) in enumerate(series):
        if name in drops:
            drop = drops[name]
            tip = f"{model}, {name}: {points(drop.value)} {points_range(drop)}, {counted(drop.n, 'pair')}"
            place, colour = top + _GAP / 2 + number * _BAR, svg.colour_of(number)
            parts.append(svg.tipped(tip, *_bar(drop, x, place, colour, opacity=0.12 if control else 0.7)))
    return parts


def _bar(drop: Estimate, x: svg.Scale, top: float, colour: str, *, opacity: float) -> list[str]:
    start, end = sorted((x(0), x(drop.value)))
    low, high, middle = *map(x, drop.drawn), top + _BAR / 2
    place = f'x="{start:.1f}" y="{top + 1:.1f}" width="{end - start:.1f}" height="{_BAR - 2}"'
    return [
        f'<rect {place} fill="{colour}" fill-opacity="{opacity}" stroke="{colour}"/>',
        svg.line(low, high, middle, middle, colour=svg.INK, width=1.3),
        *(svg.line(at, at, middle - 3, middle + 3, colour=svg.INK, width=1.3) for at in (low, high)),
    ]
