"""Parts of a dataset of which nothing survived, such as an edit that failed on every source."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from editmill.generators.base.family import Family
from editmill.manifests.errors import DataError
from editmill.manifests.manifest import SAMPLES, load_manifest
from editmill.manifests.records import Manifest
from editmill.manifests.rows import read_rows
from editmill.manifests.store import Store
from editmill.pipelines.registry import family_of

logger = logging.getLogger("editmill.losses")

# Fewer samples than this may all be refused by guards without anything being wrong.
LEAST = 5
COLUMNS = ["edit", "level", "class_name", "status", "reasons", "parameters"]
# Parts that a message lists.
LISTED = 8


@dataclass
class Loss:
    """What became of the tried samples of one part.

    Attributes:
        accepted: Of them.
        reasons: First reasons of the others.
        failed: How many of those failed instead of being rejected.
        details: What happened to those that failed, by how often.
    """

    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    details: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many were lost."""
        return self.reasons.total()

    @property
    def fatal(self) -> bool:
        """Whether the part being empty shows that something is wrong: a failure, or more than a few rejections."""
        return self.failed > 0 or self.count >= LEAST

    def say(self, part: str) -> str:
        """Return one line about the part."""
        ((reason, often),) = self.reasons.most_common(1)
        told = "".join(f": {detail}" for detail, _ in self.details.most_common(1))
        return f"{part}: all {self.count} lost, {often} to {reason}{told}"


def check_losses(out: str | Path) -> None:
    """Refuse a complete dataset of which a part is empty; the dataset stays as it is.

    Parts are the family's, such as an edit at a level, or a network with a target. Samples that were never tried, since
    their source can't be used, do not count. A part whose samples all failed or were rejected is refused, but where
    fewer than ``LEAST`` were tried and guards rejected them all, which is only warned of.

    Raises:
        DataError: Nothing of a part survived, or nothing at all.
    """
    store = Store(out)
    manifest = load_manifest(store)
    empty = {part: loss for part, loss in _found(store, manifest).items() if not loss.accepted}
    for part, loss in empty.items():
        if not loss.fatal:
            logger.warning("nothing survived of %s", loss.say(part))
    fatal = [loss.say(part) for part, loss in empty.items() if loss.fatal]
    if fatal or not manifest.samples:
        more = [f"and {len(fatal) - LISTED} more"] if len(fatal) > LISTED else []
        listed = "".join(f"\n    {line}" for line in [*fatal[:LISTED], *more])
        parts = f"{len(fatal)} part{'s' * (len(fatal) > 1)} of the dataset"
        what = f"nothing survived of {parts}" if manifest.samples else "no sample was accepted"
        raise DataError(
            f"{what}{':' if listed else ''}{listed}",
            where=str(out),
            fix="mend the cause, or take the part out of the recipe, and build into another folder. This dataset is "
            "complete and stays as it is; its samples.parquet has the reasons and details of every row",
        )


def losses(out: str | Path) -> dict[str, Loss]:
    """Return what became of every part of a complete dataset, of the samples that were tried."""
    store = Store(out)
    return _found(store, load_manifest(store))


def _found(store: Store, manifest: Manifest) -> dict[str, Loss]:
    family, found = family_of(manifest.generator), dict[str, Loss]()
    for row in _rows(store, family):
        reason = next(iter(row["reasons"]), "")
        if reason in family.excused:
            continue
        for part in _parts(family, row):
            loss = found.setdefault(part, Loss())
            if not reason:
                loss.accepted += 1
                continue
            loss.reasons[reason] += 1
            if row["status"] == "failed":
                loss.failed += 1
                loss.details.update([row["parameters"]["detail"]] if row["parameters"].get("detail") else [])
    return found


def _rows(store: Store, family: Family[Any, Any]) -> Iterator[dict[str, Any]]:
    with store.open(SAMPLES) as stream:
        rows = read_rows(stream, columns=COLUMNS)
    named = any(fact.startswith("parameters.") for facts in family.parts for fact in facts)
    for batch in rows.to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            yield {**row, "parameters": json.loads(row["parameters"]) if named or row["status"] == "failed" else {}}


def _parts(family: Family[Any, Any], row: Mapping[str, Any]) -> Iterator[str]:
    """Return the parts that a row belongs to, in words."""
    for facts in family.parts:
        yield " ".join(word for fact in facts if (word := _fact(row, fact)))


def _fact(row: Mapping[str, Any], path: str) -> str:
    value: Any = row
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    # The level 0 is that of edits without levels.
    return str(value) if not isinstance(value, float) else f"{value:g}" if value else ""
