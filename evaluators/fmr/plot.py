"""PA(b) / SA over the budget."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.evaluators import svg
from editmill.evaluators.figures import counted, decimal_cells
from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.results import Point, TargetResult

_HEIGHT, _LEFT, _RIGHT, _BOTTOM, _APART, _JITTER = 340, 62, 24, 52, 34, 4
# Ends of intervals above it are cut off, in percent.
_HIGHEST = 150.0


def curve_plot(evaluation: FmrEvaluation) -> str:
    """Draw a panel per network with a line per target: ascents solid with their intervals, random walks dashed.

    Returns:
        An SVG document; empty where nothing was measured.
    """
    drawn = [one for one in evaluation.targets if one.curve]
    if not drawn:
        return ""
    networks, targets = (list(dict.fromkeys(getattr(one, name) for one in drawn)) for name in ("network", "target"))
    top = 24 + svg.LEGEND * len(targets)
    bottom = top + _HEIGHT - _BOTTOM
    # A model may be better on the pictures than on their originals. Intervals of few sources end far above.
    found = [point.fmr for one in drawn for point in (*one.curve, *one.random) if point.fmr]
    most = max(100.0, *(max(fmr.value, min(fmr.drawn[1], _HIGHEST)) for fmr in found))
    width = (svg.WIDTH - _LEFT - _RIGHT - _APART * (len(networks) - 1)) / len(networks)

    def y(value: float) -> float:
        return bottom - min(value, most) / most * (bottom - top)

    parts = svg.legend([f"{target} (dashed: random walks)" for target in targets], left=_LEFT, top=16)
    for column, network in enumerate(networks):
        left, mine = _LEFT + column * (width + _APART), [one for one in drawn if one.network == network]
        parts += _panel(network, mine, targets, (left, left + width, bottom), y)
    return svg.document("FMR over the number of steps", parts, height=bottom + _BOTTOM)


def _panel(
    network: str, results: Sequence[TargetResult], targets: Sequence[str], box: tuple[float, float, float], y: svg.Scale
) -> list[str]:
    left, right, bottom = box
    budgets = [point.budget for point in results[0].curve]

    def x(budget: float) -> float:
        return left + 16 + budget / max(1, budgets[-1]) * (right - left - 32)

    parts = []
    for level in range(0, 101, 20):
        label = svg.text(left - 6, y(level) + 4, str(level), anchor="end", size=11, colour=svg.GREY)
        parts.append(svg.line(left, right, y(level), y(level)) + label)
    parts += [svg.text(x(budget), bottom + 18, str(budget), size=11, colour=svg.GREY) for budget in budgets]
    parts.append(svg.text((left + right) / 2, bottom + 38, f"100 PA / SA over steps, {network}"))
    for one in results:
        number = targets.index(one.target)
        # Side by side, so that equal values do not hide each other.
        shift, colour = (number - (len(targets) - 1) / 2) * _JITTER, svg.colour_of(number)
        for name, curve, dashed in (("ascent", one.curve, False), ("random", one.random, True)):
            marks = _marks(f"{network}, {one.target}, {name}", curve, x, shift)
            parts += svg.curve(marks, y, colour, dashed=dashed, whiskers=not dashed)
    return parts


def _marks(name: str, curve: Sequence[Point], x: svg.Scale, shift: float) -> list[svg.Mark]:
    marks = []
    for budget, fmr in ((point.budget, point.fmr) for point in curve):
        if fmr is not None:
            tip = f"{name}, {budget} steps: {' '.join(decimal_cells(fmr, 1))}, {counted(fmr.n, 'source')}"
            marks.append(svg.Mark(x(budget) + shift, fmr.value, *fmr.drawn, tip))
    return marks
