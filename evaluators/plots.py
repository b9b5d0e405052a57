"""Plots: what they show as plain values, and the one place that draws them, as SVG by matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any, Literal

from editmill.evaluators.extras import require_drawing
from editmill.evaluators.statistics import Estimate

# Distinguishable with common colour blindness (Okabe & Ito 2008); the last is the ink.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1c1c1e")
INK, GREY, LINE = "#1c1c1e", "#59595d", "#dcdce0"
# What the page's style sheet sets for light and dark screens; alone, a plot has the light colours.
_VARIABLES = {INK: "ink", GREY: "muted", LINE: "line", **{one: f"series-{at}" for at, one in enumerate(COLOURS[:-1])}}
# In inches; a point is a pixel of the page.
_WIDTH, _POINTS = 9.0, 72


@dataclass(frozen=True)
class Mark:
    """A value at a place, with the ends of its interval, and what is said where the pointer rests on it."""

    place: float
    value: float
    low: float
    high: float
    tip: str = ""


@dataclass(frozen=True)
class Curve:
    """Marks joined by a line.

    Attributes:
        colour: Number of the colour; curves of one model share it.
        dashed: Whether line and marks are those of a control.
        whiskers: Whether intervals are drawn.
    """

    name: str
    marks: Sequence[Mark]
    colour: int = 0
    dashed: bool = False
    whiskers: bool = True


@dataclass(frozen=True)
class Panel:
    """Curves over one axis.

    Attributes:
        label: What the axis shows.
        ticks: Places with their texts.
        parted: Places of dashed lines between zones of the axis.
    """

    label: str
    curves: Sequence[Curve]
    ticks: Sequence[tuple[float, str]]
    parted: Sequence[float] = ()


@dataclass(frozen=True)
class CurvePlot:
    """Panels side by side, with one vertical axis from 0 to at least ``most``."""

    title: str
    label: str
    panels: Sequence[Panel]
    most: float = 100.0
    kind: Literal["curves"] = "curves"

    @property
    def drawn(self) -> bool:
        """Whether there is a mark."""
        return any(curve.marks for panel in self.panels for curve in panel.curves)


@dataclass(frozen=True)
class BarPlot:
    """A bar with its interval per row and series, in percentage points; rows of controls come first, and apart.

    Attributes:
        rows: Their names, from the top.
        series: Names, such as models, with their bars by row: the place of a mark is the number of its row.
        controls: How many rows at the top are controls.
    """

    title: str
    label: str
    rows: Sequence[str]
    series: Sequence[tuple[str, Sequence[Mark]]]
    controls: int = 0
    kind: Literal["bars"] = "bars"

    @property
    def drawn(self) -> bool:
        """Whether there is a bar."""
        return bool(self.rows)


@dataclass(frozen=True)
class Distribution:
    """How often a score was found.

    Attributes:
        edges: Of the bins, one more than counts.
        accepted, rejected: Counts of samples by bin.
        limits: Thresholds, with what they are called.
    """

    name: str
    edges: Sequence[float]
    accepted: Sequence[int]
    rejected: Sequence[int]
    limits: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class DistributionPlot:
    """Distributions of scores as small panels."""

    title: str
    panels: Sequence[Distribution]
    kind: Literal["distributions"] = "distributions"

    @property
    def drawn(self) -> bool:
        """Whether there is one."""
        return bool(self.panels)


Plot = CurvePlot | BarPlot | DistributionPlot


def drop_bars(
    series: Sequence[tuple[str, Mapping[str, Estimate]]], *, title: str, label: str, controls: Collection[str] = ()
) -> BarPlot:
    """Return a plot of drops, a group of bars per edit and a bar per model.

    Args:
        series: The models with their drops by edit, in order.
        title: Of the plot.
        label: What the axis shows.
        controls: Edits that do not read as edits under study.
    """
    names = list(dict.fromkeys(name for _, drops in series for name in drops))
    names.sort(key=lambda name: name not in controls)
    marks = [(model, [_drop(names.index(edit), model, edit, drop) for edit, drop in drops.items()])
             for model, drops in series]  # fmt: skip
    return BarPlot(title, label, names, marks, sum(name in controls for name in names))


def _drop(row: int, model: str, edit: str, drop: Estimate) -> Mark:
    value, low, high = (100 * one for one in (drop.value, *drop.drawn))
    return Mark(row, value, low, high, f"{model}, {edit}: {value:+.1f} [{low:+.1f}, {high:+.1f}], {drop.n} pairs")


def draw(plot: Plot) -> str:
    """Return a plot as an SVG element; equal plots give equal texts.

    Raises:
        RequestError: matplotlib is not installed.
    """
    matplotlib = require_drawing("matplotlib")
    settings = {"svg.fonttype": "none", "svg.hashsalt": "editmill", "text.parse_math": False, "font.size": 10}
    colours = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK)
    lines = dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), LINE)
    hidden = dict.fromkeys(("axes.spines.top", "axes.spines.right"), False)
    with matplotlib.rc_context({**settings, **colours, **lines, **hidden, "legend.frameon": False}):
        canvas = _Canvas(matplotlib, plot.title)
        if isinstance(plot, BarPlot):
            _draw_bars(canvas, plot)
        elif isinstance(plot, CurvePlot):
            _draw_curves(canvas, plot)
        else:
            _draw_distributions(canvas, plot)
        return canvas.svg()


class _Canvas:
    """A figure of matplotlib, with what is said of its parts."""

    def __init__(self, matplotlib: Any, title: str) -> None:
        from matplotlib.figure import Figure

        self.figure: Any = Figure(layout="constrained")
        self._title = title
        self._tips: list[str] = []

    def axes(self, height: float, rows: int = 1, columns: int = 1, **options: Any) -> list[Any]:
        """Return the axes of a grid of panels; ``height`` of all in inches."""
        self.figure.set_size_inches(_WIDTH, height)
        return list(self.figure.subplots(rows, columns, squeeze=False, **options).flat)

    def tip(self, text: str) -> str:
        """Return the id of a part that shows a text where the pointer rests on it."""
        self._tips.append(text)
        return f"tip-{len(self._tips) - 1}"

    def svg(self) -> str:
        """Return the element, in colours that the page sets."""
        buffer = io.StringIO()
        nobody = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self.figure.savefig(buffer, format="svg", dpi=_POINTS, transparent=True, metadata=nobody)
        text = buffer.getvalue()
        text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
        text = re.sub(r'<g id="tip-(\d+)"[^>]*>', self._titled, text)
        # Several plots stand on one page, where an id may stand once; only clips and markers are referred to.
        text = re.sub(r'<g id="[^"]*"', "<g", text).replace("xlink:href", "href")
        text = re.sub(r'<style.*?</style>| xmlns:xlink="[^"]*"', "", text, flags=re.S)
        text = re.sub(r"font: (\d+)px [^;\"]*", r"font-size: \1px", text)
        for colour, name in _VARIABLES.items():
            text = text.replace(colour, f"var(--{name}, {colour})")
        return text.replace("<svg ", f'<svg role="img" aria-label="{escape(self._title)}" ', 1).strip()

    def _titled(self, found: re.Match[str]) -> str:
        return f"<g><title>{escape(self._tips[int(found[1])])}</title>"


def _draw_bars(canvas: _Canvas, plot: BarPlot) -> None:
    thick = 0.8 / max(1, len(plot.series))
    legend = len(plot.series) if len(plot.series) > 1 else 0
    (axes,) = canvas.axes(0.9 + 0.24 * legend + len(plot.rows) * max(0.3, 0.2 * len(plot.series)))
    for number, (name, marks) in enumerate(plot.series):
        colour = COLOURS[number % len(COLOURS)]
        for mark in marks:
            row = int(mark.place)
            place, control = _row_place(plot, row) + (number + 0.5) * thick - 0.4, row < plot.controls
            bar = {"color": colour, "alpha": 0.25 if control else 0.8, "zorder": 2}
            axes.barh(place, mark.value, height=0.86 * thick, **bar)[0].set_gid(canvas.tip(mark.tip))
            whisker = axes.errorbar(mark.value, place, xerr=_lengths(mark), color=INK, lw=1.1, capsize=2.5, zorder=3)
            whisker[0].set_gid(canvas.tip(mark.tip))
        axes.plot([], [], color=colour, lw=6, label=name)
    places = [_row_place(plot, row) for row in range(len(plot.rows))]
    axes.set_yticks(places, plot.rows)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.tick_params(axis="y", length=0)
    if 0 < plot.controls < len(plot.rows):
        axes.axhline(places[plot.controls] - 0.75, color=GREY, lw=0.8, ls=(0, (4, 3)))
    for tick in axes.get_yticklabels()[: plot.controls]:
        tick.set_color(GREY)
    axes.axvline(0, color=GREY, lw=1, zorder=1)
    axes.grid(axis="x", lw=0.8, zorder=0)
    axes.set_xlabel(plot.label)
    axes.margins(x=0.04)
    _legend(canvas, axes, legend)


def _row_place(plot: BarPlot, row: int) -> float:
    # Half a row lies between controls and the edits under study.
    return row + (0.5 if 0 < plot.controls <= row else 0.0)


def _lengths(mark: Mark) -> list[list[float]]:
    # A bootstrap's interval need not hold the estimate.
    return [[max(0.0, mark.value - mark.low)], [max(0.0, mark.high - mark.value)]]


def _legend(canvas: _Canvas, axes: Any, entries: int) -> None:
    if entries:
        canvas.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=1 + (entries > 4))


def _draw_curves(canvas: _Canvas, plot: CurvePlot) -> None:
    shown = canvas.axes(4.6, columns=len(plot.panels), sharey=True)
    named: dict[str, Any] = {}
    for axes, panel in zip(shown, plot.panels, strict=True):
        for curve in panel.curves:
            named.setdefault(curve.name, _draw_curve(canvas, axes, curve))
        for place in panel.parted:
            axes.axvline(place, color=GREY, lw=0.8, ls=(0, (4, 3)))
        slanted = {"rotation": 30, "ha": "right"} if any(len(text) > 5 for _, text in panel.ticks) else {}
        axes.set_xticks([place for place, _ in panel.ticks], [text for _, text in panel.ticks], **slanted)
        axes.set_xlabel(panel.label)
        axes.grid(axis="y", lw=0.8)
        axes.set_axisbelow(True)
    shown[0].set_ylim(-0.02 * plot.most, 1.04 * plot.most)
    shown[0].set_ylabel(plot.label)
    columns = 1 if any(len(name) > 40 for name in named) else 2
    canvas.figure.legend(named.values(), named.keys(), loc="outside upper left", ncols=columns)


def _draw_curve(canvas: _Canvas, axes: Any, curve: Curve) -> Any:
    colour, style = COLOURS[curve.colour % len(COLOURS)], (0, (4, 3)) if curve.dashed else "-"
    places, values = [mark.place for mark in curve.marks], [mark.value for mark in curve.marks]
    (line,) = axes.plot(places, values, color=colour, ls=style, lw=1.6)
    for mark in curve.marks:
        if curve.whiskers:
            axes.errorbar(mark.place, mark.value, yerr=_lengths(mark), color=colour, lw=1, capsize=2.5, fmt="none")
        face = "none" if curve.dashed else colour
        (dot,) = axes.plot(mark.place, mark.value, "o", ms=5, mec=colour, mfc=face)
        dot.set_gid(canvas.tip(mark.tip))
    return line


def _draw_distributions(canvas: _Canvas, plot: DistributionPlot) -> None:
    columns = min(3, len(plot.panels))
    rows = -(-len(plot.panels) // columns)
    shown = canvas.axes(0.5 + 2.0 * rows, rows, columns)
    for axes, one in zip(shown, plot.panels, strict=False):
        widths = [end - start for start, end in zip(one.edges, one.edges[1:], strict=False)]
        for counts, below, colour, name in (
            (one.accepted, None, COLOURS[0], "accepted"),
            (one.rejected, one.accepted, COLOURS[1], "rejected"),
        ):
            axes.bar(one.edges[:-1], counts, widths, below, align="edge", color=colour, label=name)
        for place, _ in one.limits:
            axes.axvline(place, color=INK, lw=1.2, ls=(0, (4, 2)), label="threshold")
        said = ", ".join(f"{name} {place:.4g}" for place, name in one.limits)
        axes.set_title("\n".join([one.name, *wrap(said, 40)]), fontsize=9, loc="left")
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="y", integer=True, nbins=4)
        axes.locator_params(axis="x", nbins=5)
    for axes in shown[len(plot.panels) :]:
        axes.set_axis_off()
    handles = {name: one for axes in shown for one, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    canvas.figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=3)
