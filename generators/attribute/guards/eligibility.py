"""The source guard: a mask that an edit can be made and measured with."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.guards.scores import SOURCE
from editmill.generators.base.edits import Edit
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.base.reasons import Reason
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
    """Rejects edits of sources whose object is too small, too large or in pieces (gate G0).

    Args:
        least_share: Least share of the frame that the mask covers.
        most_share: Largest share of the frame.
        least_component: Least share of the mask that its largest connected component holds.
        border: Least pixels between the object's box and the frame, for geometric edits; 0 allows objects that the
            frame cuts off, which the renderer keeps at their border.
    """

    score_names: tuple[str, ...] = SOURCE

    def __init__(
        self, *, least_share: float = 0.01, most_share: float = 0.6, least_component: float = 0.9, border: int = 0
    ) -> None:
        self.least_share, self.most_share, self.least_component, self.border = (
            least_share,
            most_share,
            least_component,
            border,
        )
        self._sources: PerSource[tuple[float, float, float]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        mask = job.source.mask > 127
        share, component, border = self._sources.get(
            job.source.record.id, lambda: (float(mask.mean()), largest_component(mask), border_distance(mask))
        )
        return self.decide(job.edit, {"source_share": share, "source_component": component, "source_border": border})

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        # A missing score counts as one at its limit, so that it rejects nothing.
        share, component = (
            scores.get("source_share", self.most_share),
            scores.get("source_component", self.least_component),
        )
        fits = self.least_share <= share <= self.most_share and component >= self.least_component
        clear = scores.get("source_border", self.border) >= self.border or not kind_of(edit.name).geometric
        return Verdict(dict(scores), () if fits and clear else (Reason.SOURCE_INELIGIBLE,))
