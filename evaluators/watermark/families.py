"""The samples of one cell: per source a marked and an unmarked one at the same rung, or neither."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray, IntArray
from editmill.evaluators.watermark.bootstrap import SourceBootstrap
from editmill.evaluators.watermark.rows import WatermarkRow, WatermarkRows


@dataclass(frozen=True)
class Dropped:
    """Source families that a cell lacks, by the reason of the first member that is missing."""

    reason: str
    count: int


@dataclass(frozen=True)
class Families:
    """The complete families of a cell, sorted by source.

    Attributes:
        positives, negatives: Of the same sources, in the same order.
        dropped: Families that were planned and are not complete.
    """

    positives: tuple[WatermarkRow, ...] = field(repr=False)
    negatives: tuple[WatermarkRow, ...] = field(repr=False)
    dropped: tuple[Dropped, ...]

    @property
    def sources(self) -> list[str]:
        """Ids of the sources."""
        return [row.source_id for row in self.positives]


def families(rows: WatermarkRows, scheme: str, rung: str, replica: int = 0) -> Families:
    """Pair a cell's samples.

    A black safety image would count as a broken mark, and a positive without its negative would be compared with other
    content: so a family counts whole or not at all, and what is left out is counted by reason, such as
    ``negative_nsfw`` or ``positive_embed_failed``.
    """
    marked, unmarked = rows.at(scheme, rung, replica), rows.at("", rung, replica)
    # Failed rows may not say which scheme they were meant for.
    unnamed = {row.source_id: row for row in rows.unnamed if row.rung == rung and row.replica == replica}
    reasons: Counter[str] = Counter()
    pairs = []
    for source in sorted(marked.keys() | unmarked.keys()):
        positive, negative = marked.get(source), unmarked.get(source)
        reason = _problem("negative", negative) or _problem("positive", positive or unnamed.get(source))
        if reason or positive is None or negative is None:
            reasons[reason or "positive_missing"] += 1
        else:
            pairs.append((positive, negative))
    dropped = tuple(Dropped(reason, count) for reason, count in sorted(reasons.items()))
    return Families(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs), dropped)


def _problem(role: str, row: WatermarkRow | None) -> str:
    if row is None:
        return f"{role}_missing"
    return "" if row.ok else f"{role}_{row.reason}"


@dataclass(frozen=True)
class Marks:
    """Decoded samples of one scheme as arrays.

    Attributes:
        matches: Float64 [n], half the bits after an error.
        decoded: Bool [n].
        clusters: Int64 [n], number of the source.
    """

    matches: FloatArray
    decoded: BoolArray
    clusters: IntArray

    def __len__(self) -> int:
        return len(self.matches)


def marks(rows: tuple[WatermarkRow, ...], scheme: str, sampler: SourceBootstrap) -> Marks:
    """Return what ``scheme`` decoded from ``rows``."""
    found = [row.detections[scheme] for row in rows]
    return Marks(
        np.array([one.matches for one in found], dtype=np.float64),
        np.array([one.decoded for one in found], dtype=bool),
        sampler.numbers([row.source_id for row in rows]),
    )
