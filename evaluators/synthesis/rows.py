"""Planned samples of a synthesis dataset as its rows tell them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from editmill.manifests import DataError, Dataset

ORIGINAL = "original"


@dataclass(frozen=True)
class SynthesisRow:
    """One planned sample.

    Attributes:
        stop: Why its search ended; "" where there was none.
        rejections: Per rejected candidate its reasons, the decisive one first.
        candidates: Candidates made.
        passed: Candidates that were accepted.
        cost: Network evaluations.
    """

    key: str
    conditioning: str
    label: int
    class_name: str
    ok: bool
    reason: str
    stop: str
    rejections: tuple[tuple[str, ...], ...]
    candidates: int
    passed: int
    cost: int


def read_rows(dataset: Dataset) -> tuple[SynthesisRow, ...]:
    """Return rows in the dataset's order.

    Raises:
        DataError: The dataset is of another generator.
    """
    if dataset.manifest.generator != "synthesis":
        what = f"the dataset is of the generator {dataset.manifest.generator!r}, not synthesis"
        raise DataError(what, where=dataset.manifest.name)
    names = ["key", "edit", "label", "class_name", "status", "reasons", "candidates", "parameters", "cost"]
    return tuple(_row(values) for values in dataset.table.select(names).to_pylist())


def _row(values: dict[str, Any]) -> SynthesisRow:
    candidates, reasons = values["candidates"] or [], values["reasons"] or []
    return SynthesisRow(
        key=values["key"],
        conditioning=values["edit"],
        label=values["label"],
        class_name=values["class_name"],
        ok=values["status"] == "ok",
        reason=reasons[0] if reasons else "",
        stop=str(json.loads(values["parameters"]).get("stop", "")),
        rejections=tuple(tuple(one["reasons"]) for one in candidates if not one["accepted"]),
        candidates=len(candidates),
        passed=sum(bool(one["accepted"]) for one in candidates),
        cost=values["cost"],
    )
