"""The gate of the headline table: a scheme must be found where nothing attacked it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from editmill.evaluators.watermark.cells import Cell
from editmill.evaluators.watermark.rates import Rate
from editmill.evaluators.watermark.rows import Scheme

LEAST_TPR, LEAST_LOW, LEAST_ITEMS = 0.99, 0.97, 500
PASSED, FAILED, TOO_FEW = "passed", "scheme_gate_failed", "too few items for the gate"


@dataclass(frozen=True)
class Gate:
    """Whether a scheme enters the headline.

    Attributes:
        status: ``passed``, ``scheme_gate_failed`` or ``too few items for the gate``.
        tpr: TPR at 1 % on the control rung; None without one.
    """

    scheme: str
    status: str
    tpr: Rate | None


def check_gate(scheme: Scheme, cells: Sequence[Cell], control: str) -> Gate:
    """Return TPR at 1 % of at least 99 %, its interval from 97 %, on at least 500 items.

    Fewer items can fail a scheme but pass none.
    """
    cell = next((cell for cell in cells if cell.scheme == scheme.name and cell.rung == control), None)
    if cell is None:
        return Gate(scheme.name, TOO_FEW, None)
    tpr = cell.tpr()
    enough = tpr.n >= LEAST_ITEMS
    if enough and tpr.value >= LEAST_TPR and tpr.low >= LEAST_LOW:
        return Gate(scheme.name, PASSED, tpr)
    return Gate(scheme.name, FAILED if enough or tpr.high < LEAST_TPR else TOO_FEW, tpr)
