"""Plots as SVG documents that need nothing beside them: what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

# Distinguishable with common colour blindness (Okabe & Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
GREY, INK, LINE = "#595959", "#1c1c1c", "#e3e3e3"
WIDTH, LEGEND = 860, 18

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Mark:
    """A point of a curve: its place, its value with the ends of its interval, and what is said of it."""

    x: float
    value: float
    low: float
    high: float
    tip: str


def colour_of(number: int) -> str:
    """Return the colour of the series with a number."""
    return COLOURS[number % len(COLOURS)]


def document(label: str, parts: Sequence[str], *, height: float) -> str:
    """Return an SVG document of the common width."""
    size = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    said = f'style="background:#fff" role="img" aria-label="{escape(label)}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} {said}>', *parts, "</svg>"])


def text(
    x: float, y: float, words: str, *, anchor: str = "middle", size: int = 13, colour: str = INK, kind: str = ""
) -> str:
    """Return words at a place; ``anchor`` says which end of them lies there."""
    place = f'{_class(kind)}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(words)}</text>'


def line(
    x1: float,
    x2: float,
    y1: float,
    y2: float,
    *,
    colour: str = LINE,
    width: float = 1.0,
    dash: str = "",
    kind: str = "",
) -> str:
    """Return a straight line; ``dash`` holds the lengths of dashes and gaps."""
    ends = f'x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"'
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line {_class(kind)}{ends} stroke="{colour}" stroke-width="{width:g}"{dashes}/>'


def legend(names: Sequence[str], *, left: float, top: float, dashed: Sequence[bool] = ()) -> list[str]:
    """Return a line of colour and name per series, one below the other."""
    parts = []
    for number, name in enumerate(names):
        y, dash = top + LEGEND * number, "6 4" if dashed and dashed[number] else ""
        parts.append(line(left, left + 26, y, y, colour=colour_of(number), width=2, dash=dash, kind="legend"))
        parts.append(text(left + 34, y + 4, name, anchor="start"))
    return parts


def curve(marks: Sequence[Mark], y: Scale, colour: str, *, dashed: bool = False, whiskers: bool = True) -> list[str]:
    """Return a line through marks, each with its interval and a tip; those of a dashed line are hollow."""
    path = " ".join(f"{mark.x:.1f},{y(mark.value):.1f}" for mark in marks)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>'] if marks else []
    for mark in marks:
        low, high = y(mark.low), y(mark.high)
        bar = [line(mark.x, mark.x, low, high, colour=colour)]
        bar += [line(mark.x - 3, mark.x + 3, end, end, colour=colour) for end in (low, high)]
        place = f'cx="{mark.x:.1f}" cy="{y(mark.value):.1f}" r="3.5"'
        dot = f'<circle {place} fill="{"#fff" if dashed else colour}" stroke="{colour}"/>'
        parts.append(tipped(mark.tip, *(bar if whiskers else ()), dot))
    return parts


def tipped(tip: str, *parts: str) -> str:
    """Return parts that show a text where the pointer rests on them."""
    return f"<g><title>{escape(tip)}</title>{''.join(parts)}</g>"


def _class(kind: str) -> str:
    return f'class="{kind}" ' if kind else ""
