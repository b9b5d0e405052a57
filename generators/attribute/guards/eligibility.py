"""The source guard: a mask that an edit can be made and measured with."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.limits import SourceRule
from editmill.generators.attribute.guards.scores import SOURCE
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.guards.boxes import box_of
from editmill.manifests.arrays import Mask, Picture


def largest_component(mask: Mask) -> float:
    """Return the share of a mask's pixels (bool [H, W]) that its largest 8-connected component holds, in [0, 1]."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    # Row 0 is the background.
    return float(statistics[1:, cv2.CC_STAT_AREA].max() / mask.sum()) if mask.any() else 0.0


def border_distance(mask: Mask) -> float:
    """Return the pixels between a mask's box (bool [H, W]) and the nearest border of the frame."""
    left, top, right, bottom = box_of(mask)
    return min(left, top, mask.shape[1] - right, mask.shape[0] - bottom)


class SourceGuard:
    """Rejects edits of sources whose object is too small, too large or in pieces (gate G0)."""

    score_names: tuple[str, ...] = SOURCE

    def __init__(self, rule: SourceRule) -> None:
        self.rule = rule
        self._sources: PerSource[tuple[float, float, float]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        mask = job.source.mask > 127
        share, component, border = self._sources.get(
            job.source.record.id, lambda: (float(mask.mean()), largest_component(mask), border_distance(mask))
        )
        return self.rule.decide(
            job.edit, {"source_share": share, "source_component": component, "source_border": border}
        )
