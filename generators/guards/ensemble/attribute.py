"""Guards of attribute edits, asked about a candidate of the ensemble."""

from __future__ import annotations

import numpy as np

from editmill.generators.attribute.composite import matte
from editmill.generators.base import Candidate, Job, LoadedSource, make_edit
from editmill.generators.guards.base import Array
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.pixels import BackgroundChangedGuard, SanityGuard
from editmill.generators.guards.segmentation import SegmentationGuard
from editmill.manifests.records import SourceRecord

# Of this, nothing is newly black, so pictures without a source may be dark.
BLACK = np.zeros((1, 1, 3), np.uint8)
BACKGROUND = make_edit("synthesis", "background")


def _comparable(one: Shown) -> bool:
    return one.source is not None and one.mask is not None and one.source.shape == one.image.shape


def job_of(one: Shown) -> Job:
    """Return the job that would have made the candidate."""
    source = BLACK if one.source is None else one.source
    given = one.object_in_source
    mask: Array = (
        np.full(source.shape[:2], 255, np.uint8) if given is None or given.shape != source.shape[:2] else given
    )
    height, width = source.shape[:2]
    name = one.source_key() if one.source is not None else "none"
    record = SourceRecord(id=name, image="", label=-1, class_name=one.class_name, width=width, height=height, sha256="")
    return Job(name, LoadedSource(record, source, mask), BACKGROUND, 0)


def candidate_of(one: Shown) -> Candidate:
    """Return the candidate with the mask for its alpha."""
    alpha = None if one.mask is None else matte((one.mask > 127).astype(np.float32))
    return Candidate(one.image, alpha, one.source if _comparable(one) else None)


class AttributeMember:
    """Sanity of the pixels always.

    Change outside of the mask, and the segmented mask, where source and mask are of the candidate's frame.

    Args:
        segmentation: Compares masks; None to leave it out.
    """

    def __init__(self, segmentation: SegmentationGuard | None = None) -> None:
        self.sanity, self.background, self.segmentation = SanityGuard(), BackgroundChangedGuard(), segmentation
        names = (*self.sanity.score_names, *self.background.score_names)
        self.score_names = names + (segmentation.score_names if segmentation else ())

    def scores(self, one: Shown) -> dict[str, float]:
        """Return scores under the guards' own names; ``mask_iou`` only where the segmenter has a say."""
        job, candidate = job_of(one), candidate_of(one)
        scores = self.sanity.check(job, candidate, one.image).scores
        if not _comparable(one):
            return scores
        scores |= self.background.check(job, candidate, one.image).scores
        if self.segmentation is not None:
            found = self.segmentation.check(job, candidate, one.image).scores
            scores |= found if found.get("segment_judged") else {"segment_judged": 0.0}
        return scores
