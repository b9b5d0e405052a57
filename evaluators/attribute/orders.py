"""Whether drops are ordered as the publication of ImageNet-E states (arXiv 2303.17096)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from editmill.evaluators.attribute.columns import Column
from editmill.evaluators.attribute.outcomes import Outcomes
from editmill.evaluators.attribute.pairing import Uncertainty, paired_difference
from editmill.evaluators.statistics import Estimate

Verdict = Literal["yes", "no", "unclear"]


@dataclass(frozen=True)
class Step:
    """Two neighbours of an order.

    Attributes:
        easier: The column that costs less, by the publication.
        harder: The column that costs more.
        difference: Drop of the harder less that of the easier, over the sources in both; None if there is none.
    """

    easier: Column
    harder: Column
    difference: Estimate | None

    @property
    def verdict(self) -> Verdict:
        """``yes`` or ``no`` where the whole interval lies on one side of zero, else ``unclear``."""
        low, high = (0.0, 0.0) if self.difference is None else self.difference.drawn
        return "unclear" if low <= 0 <= high else "yes" if low > 0 else "no"


@dataclass(frozen=True)
class Order:
    """Columns from the easiest to the hardest, by the publication."""

    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The columns, as ``size 0.1 < size 0.05``."""
        return " < ".join(column.name for column in (self.steps[0].easier, *(step.harder for step in self.steps)))

    @property
    def verdict(self) -> Verdict:
        """``no`` where any step is, ``yes`` where all are, else ``unclear``."""
        verdicts = {step.verdict for step in self.steps}
        return "no" if "no" in verdicts else "yes" if verdicts == {"yes"} else "unclear"


def orders(outcomes: Outcomes, uncertainty: Uncertainty) -> tuple[Order, ...]:
    """Check both published orders on the columns that a model has results for.

    They are complexity below zero < above zero < adversarial, and large < small < moved at the smallest size. An order
    of fewer than two columns is left out.
    """
    columns = outcomes.columns
    place = {column: number for number, column in enumerate(columns)}
    found = []
    for chain in (_backgrounds(columns), _geometry(columns)):
        steps = [
            Step(easier, harder, paired_difference(outcomes, place[easier], place[harder], uncertainty))
            for easier, harder in pairwise(chain)
        ]
        if steps:
            found.append(Order(tuple(steps)))
    return tuple(found)


def _backgrounds(columns: Sequence[Column]) -> list[Column]:
    complexity = _levels(columns, "complexity")
    plain = [column for column in complexity if column.level < 0][:1]
    busy = [column for column in complexity if column.level > 0][-1:]
    return plain + busy + [column for column in _levels(columns, "adversarial") if column.level > 0][-1:]


def _geometry(columns: Sequence[Column]) -> list[Column]:
    sizes = _levels(columns, "size")[::-1]
    # A moved object is compared with one of its own size that stays in place.
    return sizes + [column for column in _levels(columns, "position") if sizes and column.level == sizes[-1].level]


def _levels(columns: Sequence[Column], edit: str) -> list[Column]:
    return sorted((column for column in columns if column.edit == edit), key=lambda column: column.level)
