"""Numbers as people read them, and aligned text."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.evaluators.statistics import Estimate


def percent(value: float) -> str:
    """Write a fraction as a percentage with one decimal."""
    return f"{value * 100:.1f}"


def points(value: float) -> str:
    """Write a drop in percentage points, with its sign."""
    text = f"{value * 100:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def points_range(estimate: Estimate) -> str:
    """Write the interval of a drop."""
    return f"[{points(estimate.low)}, {points(estimate.high)}]"


def p_text(value: float | None) -> str:
    """Write a p-value."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def share_text(value: float | None) -> str:
    """Write a share as a percentage, ``-`` where it is not known."""
    return "-" if value is None else percent(value)


def align(body: Sequence[Sequence[str]], *, shared: int, titles: Sequence[str]) -> list[str]:
    """Align rows of cells, the first of which is the head, with a rule below it.

    Args:
        body: Rows of equal length: the shared cells, then a block of cells per title.
        shared: Leading cells that all blocks share.
        titles: What stands above the blocks.
    """
    widths = [max(len(row[index]) for row in body) for index in range(len(body[0]))]
    block = (len(widths) - shared) // len(titles)
    for number, title in enumerate(titles):
        start = shared + number * block
        spare = len(title) - sum(widths[start : start + block]) - 2 * (block - 1)
        widths[start + block - 1] += max(0, spare)

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        padded[0] = cells[0].ljust(widths[0])
        groups = [padded[:shared], *(padded[at : at + block] for at in range(shared, len(padded), block))]
        return " | ".join("  ".join(group) for group in groups).rstrip()

    spans = [sum(widths[at : at + block]) + 2 * (block - 1) for at in range(shared, len(widths), block)]
    left = sum(widths[:shared]) + 2 * (shared - 1)
    named = zip(titles, spans, strict=True)
    title = " | ".join([" " * left, *(text.ljust(span) for text, span in named)]).rstrip()
    rule = "-+-".join("-" * span for span in [left, *spans])
    return [title, line(body[0]), rule, *(line(row) for row in body[1:])]
