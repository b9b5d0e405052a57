"""PA(b) / SA over the budget."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.evaluators.figures import counted
from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.results import Point, TargetResult
from editmill.evaluators.plots import Curve, CurvePlot, Mark, Panel

# Ends of intervals above it are cut off, in percent.
_HIGHEST = 150.0
# Between the curves of two targets, as a share of the axis, so that equal values do not hide each other.
_APART = 0.008


def curve_plot(evaluation: FmrEvaluation) -> CurvePlot:
    """Return a panel per network with a line per target: ascents solid with their intervals, random walks dashed."""
    drawn = [one for one in evaluation.targets if one.curve]
    networks, targets = (list(dict.fromkeys(getattr(one, name) for one in drawn)) for name in ("network", "target"))
    panels = [_panel(name, [one for one in drawn if one.network == name], targets) for name in networks]
    marks = [mark for panel in panels for curve in panel.curves for mark in curve.marks]
    # A model may be better on the pictures than on their originals.
    most = max([100.0, *(max(mark.value, mark.high) for mark in marks)])
    return CurvePlot("Accuracy over the budget", "100 PA / SA", panels, most)


def _panel(network: str, results: Sequence[TargetResult], targets: Sequence[str]) -> Panel:
    budgets = [point.budget for point in results[0].curve]
    curves = []
    for one in results:
        number = targets.index(one.target)
        shift = (number - (len(targets) - 1) / 2) * _APART * max(budgets)
        for name, points, walk in ((one.target, one.curve, False), (f"{one.target}, random walk", one.random, True)):
            marks = _marks(f"{network}, {name}", points, shift)
            curves.append(Curve(name, marks, number, dashed=walk, whiskers=not walk))
    return Panel(f"steps, {network}", curves, [(budget, str(budget)) for budget in budgets])


def _marks(name: str, curve: Sequence[Point], shift: float) -> list[Mark]:
    marks = []
    for budget, fmr in ((point.budget, point.fmr) for point in curve):
        if fmr is not None:
            # Intervals of few sources end far above.
            low, high = (min(end, _HIGHEST) for end in fmr.drawn)
            tip = f"{name}, {budget} steps: {fmr.value:.1f} [{low:.1f}, {high:.1f}], {counted(fmr.n, 'source')}"
            marks.append(Mark(budget + shift, fmr.value, low, high, tip))
    return marks
