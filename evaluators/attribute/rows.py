"""What is read of a dataset before any model is asked: its columns, and what its sources are like.

Selecting other sources changes drops severalfold, so reports say which these are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.attribute.columns import ORIGINAL, Column
from editmill.manifests import Dataset

_AREA, _JUDGED, _MARGIN = "score_area", "score_label_judged", "score_label_source_margin"


@dataclass(frozen=True)
class Sources:
    """Size and difficulty of the sources whose unedited sample is accepted.

    Attributes:
        count: Sources.
        areas: The object's share of the frame by source id, in [0, 1]; without sources where it was not measured.
        margins: The judge's probability of the label less that of its best rival, by source id, in [-1, 1]: the higher,
            the easier. Without sources that no judge knows.
    """

    count: int
    areas: Mapping[str, float]
    margins: Mapping[str, float]

    @property
    def median_area(self) -> float | None:
        """Median share of the frame; None where none was measured."""
        return median(self.areas.values()) if self.areas else None

    @property
    def median_margin(self) -> float | None:
        """Median margin of the judged sources; None where there is none."""
        return median(self.margins.values()) if self.margins else None

    @property
    def judged(self) -> float | None:
        """Share of the sources that a judge knows; None without sources."""
        return len(self.margins) / self.count if self.count else None


def read_sources(dataset: Dataset) -> Sources:
    """Read what the guards measured on a selection's accepted unedited samples."""
    table = dataset.table
    rows = table.filter(pc.and_(pc.equal(table["edit"], ORIGINAL), pc.equal(table["status"], "ok")))
    present = [name for name in (_AREA, _JUDGED, _MARGIN) if name in rows.column_names]
    areas, margins = {}, {}
    records = rows.select(["source_id", *present]).to_pylist()
    for record in records:
        # A score that was not measured is NaN, which equals nothing, itself included.
        area, margin = record.get(_AREA), record.get(_MARGIN)
        if area is not None and area == area:
            areas[record["source_id"]] = area
        if record.get(_JUDGED) == 1 and margin is not None and margin == margin:
            margins[record["source_id"]] = margin
    return Sources(len(records), areas, margins)


def columns_of(dataset: Dataset) -> list[Column]:
    """Return the planned columns: edits in the manifest's order, levels of one edit as they first occur."""
    # Groups come in the order of their first rows on one thread only.
    planned = dataset.table.group_by(["edit", "level"], use_threads=False).aggregate([])
    pairs = zip(planned["edit"].to_pylist(), planned["level"].to_pylist(), strict=True)
    order = {edit: position for position, edit in enumerate(dataset.manifest.edits)}
    return sorted((Column(edit, level) for edit, level in pairs), key=lambda column: order[column.edit])


def count_planned(dataset: Dataset) -> dict[Column, int]:
    """Count planned samples by column, for the edits of which a selection holds every row."""
    counted = dataset.table.group_by(["edit", "level"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    selected: Counter[str] = Counter()
    for group in counted:
        selected[group["edit"]] += group["count_all"]
    whole = {
        edit
        for edit, statuses in dataset.manifest.counts.items()
        if selected[edit] == sum(sum(reasons.values()) for reasons in statuses.values())
    }
    return {Column(group["edit"], group["level"]): group["count_all"] for group in counted if group["edit"] in whole}
