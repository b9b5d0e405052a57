"""The duplicate guard: no second object of the labelled class."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.scores import DUPLICATES
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.guards.boxes import Box, box_iou, box_of, containment
from editmill.generators.models.detector import Detector
from editmill.manifests.arrays import Picture

# Overlap above which a detection is of the object itself.
SAME_PLACE = 0.3
# A detection of which more than this lies in the object's box, or that holds as much of it, is of the object or of its
# part.
PART = 0.5


@dataclass(frozen=True)
class Sighting:
    """Whether the object was found in its place, and how many others of its class were found elsewhere."""

    found: bool
    others: int


class DuplicateGuard:
    """Rejects when the detector finds more objects of the labelled class beside the object than in the source (gate
    G5).

    The detector is asked (``duplicate_judged``) where it finds the source's object in its place.

    Args:
        detector: The judge.
        threshold: Least score of a detection, in [0, 1].
    """

    score_names: tuple[str, ...] = DUPLICATES

    def __init__(self, detector: Detector, *, threshold: float = 0.3) -> None:
        self.detector, self.threshold = detector, threshold
        self._sources: PerSource[Sighting] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        name = job.source.record.class_name
        if not (candidate.alpha > 127).any():
            return Verdict({"duplicate_judged": 0.0})
        source = self._sources.get(
            (job.source.record.id, name), lambda: self._look(job.source.image, box_of(job.source.mask > 127), name)
        )
        seen = self._look(image, box_of(candidate.alpha > 127), name)
        scores = {
            "duplicate_judged": float(source.found),
            "duplicates": float(seen.others),
            "source_duplicates": float(source.others),
        }
        return Verdict(
            scores, (AttributeReason.DUPLICATE_OBJECT,) if source.found and seen.others > source.others else ()
        )

    def _look(self, image: Picture, box: Box, name: str) -> Sighting:
        # A copy, because decoded pictures can't be written to, of which torch warns.
        boxes = [
            item.box
            for item in self.detector.detect([image.copy()], self.detector.class_queries((name,)), self.threshold)[0]
        ]
        return Sighting(
            any(box_iou(other, box) > SAME_PLACE for other in boxes),
            sum(containment(other, box) <= PART for other in boxes),
        )
