"""Numbers as people read them: percentages, points, intervals, p-values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

TOO_FEW = "n too small"
SHARE_INTERVALS = "intervals of shares are Wilson's, below 20 trials and at 0 and 100 % exact ones (Clopper-Pearson)"
SOURCE_INTERVALS = (
    "a percentile bootstrap over sources, or Hoeffding's bound (wide, but it always holds) below 20 sources and where "
    "fewer than 6 differ from the rest"
)


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


def percent(value: float | None) -> str:
    """Write a fraction as a percentage with one decimal, ``-`` where it is not known."""
    return "-" if value is None else f"{value * 100:.1f}"


def percent_range(found: Interval) -> str:
    """Write the interval of a fraction."""
    return _range(found, percent)


def _range(found: Interval, write: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return TOO_FEW
    return f"[{write(found.low)}, {write(found.high)}]"


def rate_cells(found: Interval | None) -> list[str]:
    """Write a fraction and its interval, as two cells."""
    return ["-", ""] if found is None else [percent(found.value), percent_range(found)]


def points(value: float) -> str:
    """Write a drop in percentage points, with its sign."""
    text = f"{value * 100:+.1f}"
    # What rounds to nothing has no sign.
    return "0.0" if text in ("+0.0", "-0.0") else text


def points_range(found: Interval) -> str:
    """Write the interval of a drop."""
    return _range(found, points)


def drop_cells(found: Interval | None) -> list[str]:
    """Write a drop and its interval, as two cells."""
    return ["-", ""] if found is None else [points(found.value), points_range(found)]


def decimal(value: float | None, digits: int = 3) -> str:
    """Write a number with so many decimals, ``-`` where it is not known."""
    return "-" if value is None else f"{value:.{digits}f}"


def decimal_cells(found: Interval | None, digits: int = 3) -> list[str]:
    """Write a number and its interval with so many decimals, as two cells."""
    if found is None:
        return ["-", ""]
    return [decimal(found.value, digits), _range(found, lambda end: decimal(end, digits))]


def p_text(value: float | None) -> str:
    """Write a p-value."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"
