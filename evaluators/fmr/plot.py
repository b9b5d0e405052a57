"""PA(b) / SA over the budget, as SVG that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from html import escape

from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.results import Point, TargetResult
from editmill.evaluators.plot import COLOURS

_WIDTH, _HEIGHT = 860, 340
_LEFT, _RIGHT, _BOTTOM, _LEGEND, _APART, _JITTER = 62, 24, 52, 18, 34, 4
_GREY, _INK, _LINE = "#595959", "#1c1c1c", "#e3e3e3"

_Scale = Callable[[float], float]


def curve_svg(evaluation: FmrEvaluation) -> str:
    """Draw a panel per network with a line per target: ascents solid with their intervals, random walks dashed.

    Returns:
        An SVG document; empty where nothing was measured.
    """
    drawn = [one for one in evaluation.targets if one.curve]
    if not drawn:
        return ""
    networks, targets = (list(dict.fromkeys(getattr(one, name) for one in drawn)) for name in ("network", "target"))
    top = 24 + _LEGEND * len(targets)
    bottom = top + _HEIGHT - _BOTTOM
    most = max(100.0, *(point.fmr.high for one in drawn for point in (*one.curve, *one.random) if point.fmr))
    width = (_WIDTH - _LEFT - _RIGHT - _APART * (len(networks) - 1)) / len(networks)

    def y(value: float) -> float:
        return bottom - value / most * (bottom - top)

    parts = [part for number, target in enumerate(targets) for part in _legend(target, number)]
    for column, network in enumerate(networks):
        left = _LEFT + column * (width + _APART)
        parts += _panel(
            network, [one for one in drawn if one.network == network], targets, (left, left + width, bottom), y
        )
    size = f'viewBox="0 0 {_WIDTH} {bottom + _BOTTOM:.0f}" width="{_WIDTH}" height="{bottom + _BOTTOM:.0f}"'
    label = "FMR over the number of steps"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif" font-size="13" '
        f'role="img" aria-label="{label}">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>"])


def _panel(
    network: str, results: Sequence[TargetResult], targets: Sequence[str], box: tuple[float, float, float], y: _Scale
) -> list[str]:
    left, right, bottom = box
    budgets = [point.budget for point in results[0].curve]

    def x(budget: float, shift: float = 0.0) -> float:
        return left + 16 + budget / max(1, budgets[-1]) * (right - left - 32) + shift

    parts = [
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y(level):.1f}" y2="{y(level):.1f}" stroke="{_LINE}"/>'
        f'<text x="{left - 6:.1f}" y="{y(level) + 4:.1f}" text-anchor="end" font-size="11" '
        f'fill="{_GREY}">{level}</text>'
        for level in range(0, 101, 20)
    ]
    parts += [_text(x(budget), bottom + 18, str(budget), size=11, colour=_GREY) for budget in budgets]
    parts.append(_text((left + right) / 2, bottom + 38, f"100 PA / SA over steps, {network}"))
    for one in results:
        number = targets.index(one.target)
        shift = (number - (len(targets) - 1) / 2) * _JITTER
        colour = COLOURS[number % len(COLOURS)]
        place = partial(x, shift=shift)
        parts += _curve(f"{network}, {one.target}, ascent", one.curve, place, y, colour, dashed=False)
        parts += _curve(f"{network}, {one.target}, random", one.random, place, y, colour, dashed=True)
    return parts


def _curve(name: str, curve: Sequence[Point], x: _Scale, y: _Scale, colour: str, *, dashed: bool) -> list[str]:
    known = [(point.budget, point.fmr) for point in curve if point.fmr is not None]
    if not known:
        return []
    path = " ".join(f"{x(budget):.1f},{y(fmr.value):.1f}" for budget, fmr in known)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>']
    for budget, fmr in known:
        tip = f"{name}, {budget} steps: {fmr.value:.1f} [{fmr.low:.1f}, {fmr.high:.1f}], {fmr.n} sources"
        bar = (
            ""
            if dashed
            else f'<line x1="{x(budget):.1f}" x2="{x(budget):.1f}" y1="{y(fmr.low):.1f}" y2="{y(fmr.high):.1f}" '
            f'stroke="{colour}"/>'
        )
        fill = "#fff" if dashed else colour
        dot = f'<circle cx="{x(budget):.1f}" cy="{y(fmr.value):.1f}" r="3.4" fill="{fill}" stroke="{colour}"/>'
        parts.append(f"<g><title>{escape(tip)}</title>{bar}{dot}</g>")
    return parts


def _legend(target: str, number: int) -> list[str]:
    colour, y = COLOURS[number % len(COLOURS)], 16 + _LEGEND * number
    line = f'<line x1="{_LEFT}" x2="{_LEFT + 26}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
    return [line, f'<text x="{_LEFT + 34}" y="{y + 4}" fill="{_INK}">{escape(target)} (dashed: random walks)</text>']


def _text(x: float, y: float, text: str, *, size: int = 13, colour: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}" fill="{colour}">{escape(text)}</text>'
    )
