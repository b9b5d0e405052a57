"""The drops of the MRR as a plot."""

from __future__ import annotations

from html import escape

from editmill.evaluators.layout import points
from editmill.evaluators.text.evaluation import ModelResult


def drops_svg(model: ModelResult) -> str:
    """Return bars of the drops of the MRR with their intervals, as SVG; empty where nothing was searched."""
    drops = [(result.edit, result.drop) for result in model.results if result.drop is not None]
    if not drops:
        return ""
    low, high = min(0.0, *(drop.low for _, drop in drops)), max(0.01, *(drop.high for _, drop in drops))
    left, width, step = 150, 640, 24

    def x(value: float) -> float:
        return left + width * (value - low) / (high - low)

    bars = []
    for number, (edit, drop) in enumerate(drops):
        y = 8 + step * number
        start, end = sorted((x(0.0), x(drop.value)))
        bars.append(
            f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(edit)}</text>'
            f'<rect x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="14" fill="#0072b2"/>'
            f'<line x1="{x(drop.low):.1f}" x2="{x(drop.high):.1f}" y1="{y + 7}" y2="{y + 7}" stroke="#1c1c1c"/>'
            f'<text x="{x(drop.high) + 6:.1f}" y="{y + 12}">{points(drop.value)}</text>'
        )
    zero = f'<line x1="{x(0.0):.1f}" x2="{x(0.0):.1f}" y1="0" y2="{12 + step * len(drops)}" stroke="#1c1c1c"/>'
    said = f"drop of the MRR by edit, {model.model}"
    size = f'viewBox="0 0 860 {16 + step * len(drops)}" font-family="system-ui, sans-serif" font-size="13"'
    return f'<svg {size} role="img" aria-label="{escape(said)}">{zero}{"".join(bars)}</svg>'
