"""What the sources of a dataset are like: selecting other sources changes drops severalfold, so reports say which these
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.columns import ORIGINAL
from editmill.manifests import Dataset

_AREA, _JUDGED, _MARGIN = "score_area", "score_label_judged", "score_label_source_margin"


@dataclass(frozen=True)
class Sources:
    """Size and difficulty of the sources whose unedited sample is accepted.

    Attributes:
        count: Sources.
        areas: The object's share of the frame by source id, in [0, 1]; without sources where it was not measured.
        margins: The judge's probability of the label less that of its best rival, by source id, in [-1, 1]: the higher,
            the easier. Without sources that no judge has a say about.
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
        """Share of the sources that a judge has a say about; None without sources."""
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
