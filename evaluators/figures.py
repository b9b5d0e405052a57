"""Numbers as people read them: percentages, points, intervals, p-values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

TOO_FEW = "n too small"
SHARE_INTERVALS = "intervals of shares are Wilson's, below 20 trials and at 0 and 100 % exact ones (Clopper-Pearson)"
SOURCE_INTERVALS = (
    "a percentile bootstrap over sources, or Hoeffding's bound (wide, but it always holds) below 20 sources and where "
    "fewer than 6 differ from the rest"
)


@runtime_checkable
class Interval(Protocol):
    """A number with the ends of its interval, None where it rests on too little for one."""

    @property
    def value(self) -> float: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


def counted(number: int, noun: str) -> str:
    """Write a number of things: ``1 source``, ``2 sources``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def percent_text(value: float | None) -> str:
    """Write a fraction as a percentage with one decimal, ``-`` where it is not known."""
    return "-" if value is None else f"{value * 100:.1f}"


def percent_range(found: Interval) -> str:
    """Write the interval of a fraction."""
    return _range(found, percent_text)


def _range(found: Interval, write: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return TOO_FEW
    return f"[{write(found.low)}, {write(found.high)}]"


def points_text(value: float) -> str:
    """Write a drop in percentage points, with its sign."""
    text = f"{value * 100:+.1f}"
    # What rounds to nothing has no sign.
    return "0.0" if text in ("+0.0", "-0.0") else text


def points_range(found: Interval) -> str:
    """Write the interval of a drop."""
    return _range(found, points_text)


def p_text(value: float | None) -> str:
    """Write a p-value."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"
