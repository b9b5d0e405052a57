"""What text and HTML say in the same words."""

from __future__ import annotations

from editmill.evaluators.layout import percent, points, points_range
from editmill.evaluators.orders import Order, Step
from editmill.evaluators.pairing import ColumnResult
from editmill.evaluators.sources import Sources
from editmill.evaluators.strata import Stratum


def describe_sources(sources: Sources) -> str:
    """Say what the sources are like."""
    facts = [f"{sources.count} sources with an unedited sample"]
    if sources.median_area is not None:
        facts.append(f"median object {percent(sources.median_area)} % of the frame")
    if sources.judged is not None:
        facts.append(f"{percent(sources.judged)} % judged")
    if sources.median_margin is not None:
        facts.append(f"median margin of the judge {sources.median_margin:.3f}")
    return ", ".join(facts)


def stratum_range(stratum: Stratum) -> str:
    """Write which values a stratum holds: sizes in percent of the frame, margins as they are."""
    if stratum.by == "size":
        return f"{percent(stratum.low)} to {percent(stratum.high)} %"
    return f"{stratum.low:.3f} to {stratum.high:.3f}"


def describe_order(order: Order) -> str:
    """Say whether an order holds, and by how many points each column differs from the one before it."""
    steps = "; ".join(f"{step.harder.name}: {_describe_step(step)}" for step in order.steps)
    return f"{order.name}: ordered as published: {order.verdict} ({steps})"


def shown_p(result: ColumnResult) -> float | None:
    """Return the p-value that tables show: corrected for columns under study, as it is for controls."""
    if result.comparison is None:
        return None
    return result.comparison.p_value if result.comparison.p_holm is None else result.comparison.p_holm


def _describe_step(step: Step) -> str:
    if step.difference is None:
        return "no common source"
    return f"{points(step.difference.value)} {points_range(step.difference)} {step.verdict}"
