"""The segmented mask of a candidate, compared with the one that it should have."""

from __future__ import annotations

import numpy as np

from editmill.generators.guards.ensemble.pixels import alpha_of
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.segmentation import SegmentationGuard


def mask_scores(guard: SegmentationGuard, one: Shown) -> dict[str, float]:
    """Return scores under the guard's own names; ``mask_iou`` only where the segmenter can be believed.

    Nothing where source and mask are not of the candidate's frame.
    """
    alpha = alpha_of(one)
    if one.source is None or alpha is None or not one.comparable:
        return {}
    # Nothing was composed, so the matte does not describe the picture.
    if np.array_equal(one.image, one.source):
        return {"segment_judged": 0.0}
    given = one.object_in_source
    fits = given is not None and given.shape == one.source.shape[:2]
    mask = given > 127 if given is not None and fits else np.ones(one.source.shape[:2], bool)
    found = guard.compare(one.image, alpha > 127, one.source, mask, key=one.source_key()).scores
    return found if found.get("segment_judged") else {"segment_judged": 0.0}
