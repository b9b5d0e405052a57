"""The rows of a dataset of latent ascents, as the evaluator reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from editmill.manifests import DataError, Dataset, Manifest

ORIGINAL, ROUND_TRIP, ASCENT, RANDOM = "original", "round-trip", "ascent", "random"
# Roles that may guard; what else a manifest lists are networks, targets and verifiers.
GUARD_ROLES = ("zero_shot", "zero_shot_2", "image_encoder", "detector", "segmenter")


@dataclass(frozen=True)
class FmrRow:
    """One planned sample.

    Attributes:
        ok: Whether there is a picture.
        reason: The decisive one, "" for ``ok``.
        fallback: Whether the original picture replaces a refused round trip.
        emitted: Step whose picture it is; -1 for originals and fall-backs.
        stop: Why the ascent ended.
        looked, valid: Iterates that the guard saw, the round trip among them, and those that it let pass.
    """

    key: str
    source_id: str
    ok: bool
    reason: str
    fallback: bool
    emitted: int
    stop: str
    looked: int
    valid: int
    generator_overlap: bool
    guard_overlap: bool


# Edit, network, target, budget.
_Place = tuple[str, str, str, int]


@dataclass(frozen=True)
class FmrRows:
    """A dataset's rows by place and source.

    Attributes:
        networks, targets: In the recipe's order.
        budgets: Those with pictures, ascending, from 0 (the round trip).
        oracle, mode: The recipe's.
        reports: Digests of guard reports in the rows; one, or "" without calibration.
    """

    manifest: Manifest
    networks: tuple[str, ...]
    targets: tuple[str, ...]
    budgets: tuple[int, ...]
    oracle: str
    mode: str
    sources: tuple[str, ...]
    by_place: dict[_Place, dict[str, FmrRow]] = field(repr=False)
    reports: tuple[str, ...] = ()

    def at(self, edit: str, network: str = "", target: str = "", budget: int = 0) -> dict[str, FmrRow]:
        """Return the rows of one place, by source."""
        return self.by_place.get((edit, network, target, budget), {})

    def ascent(self, network: str, target: str, budget: int) -> dict[str, FmrRow]:
        """Return the rows of one point of a curve; without any step that is the round trip, whatever the target."""
        return self.at(ASCENT, network, target, budget) if budget else self.at(ROUND_TRIP, network)

    def eligible(self, network: str, target: str) -> list[str]:
        """Return the sources with an original and a picture at every budget, none of which is a fall-back; sorted."""
        places = [self.at(ORIGINAL), *(self.ascent(network, target, budget) for budget in self.budgets)]
        return [
            source
            for source in self.sources
            if all(source in rows and rows[source].ok and not rows[source].fallback for rows in places)
        ]


def read_rows(dataset: Dataset) -> FmrRows:
    """Read a dataset.

    Raises:
        DataError: The dataset holds no latent ascents.
    """
    manifest = dataset.manifest
    if manifest.generator != "fmr":
        what = f"the dataset was made by the generator {manifest.generator!r}, which ascends no latents"
        raise DataError(what, fix="evaluate it with `editmill evaluate` and models of its own kind")
    by_place: dict[_Place, dict[str, FmrRow]] = {}
    reports: set[str] = set()
    for batch in dataset.table.to_batches(max_chunksize=1024):
        for record in batch.to_pylist():
            values = json.loads(record["parameters"])
            place = (str(record["edit"]), str(values["network"]), str(values["target"]), int(values["budget"]))
            by_place.setdefault(place, {})[record["source_id"]] = _row(record, values)
            reports.add(str(values["guard_report"]))
    if not by_place:
        raise DataError("the dataset has no rows", fix="build it with at least one source")
    generator: Mapping[str, Any] = manifest.recipe["generator"]
    budgets = sorted({0, *(budget for edit, _, _, budget in by_place if edit == ASCENT)})
    sources = sorted({source for rows in by_place.values() for source in rows})
    return FmrRows(
        manifest,
        tuple(generator["networks"]),
        tuple(generator["targets"]),
        tuple(budgets),
        str(generator["oracle"]),
        str(generator["mode"]),
        tuple(sources),
        by_place,
        tuple(sorted(reports)),
    )


def _row(record: Mapping[str, Any], values: Mapping[str, Any]) -> FmrRow:
    return FmrRow(
        record["key"],
        record["source_id"],
        record["status"] == "ok",
        next(iter(record["reasons"]), ""),
        bool(values["fallback"]),
        int(values["emitted"]),
        str(values["stop"]),
        int(values["validation"]["looked"]),
        int(values["validation"]["valid"]),
        bool(values["generator_overlap"]),
        bool(values["guard_overlap"]),
    )
