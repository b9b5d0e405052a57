"""What the scores of a segmented object say, without a picture or a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from editmill.generators.base.edits import Edit
from editmill.generators.base.guards import Verdict
from editmill.generators.guards.reasons import GuardReason

# Objects below this share of the frame have so much outline that a lower overlap is right.
SMALL = 0.03


@dataclass(frozen=True)
class SegmentationRule:
    """Limits of the re-segmented object.

    Attributes:
        least_iou: Least overlap.
        least_small_iou: Least overlap of objects below 3 % of the frame.
        expansion: Largest area outside of the intended mask, as a share of the object, above that on the source.
    """

    least_iou: float = 0.9
    least_small_iou: float = 0.8
    expansion: float = 0.03

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        """Decide as ``weigh`` does, by the share of the source and the recorded scale."""
        source = scores.get("source_share", 1.0)
        return self.weigh(scores, share=source * float(edit.get("scale", 1.0)) ** 2, source_share=source)

    def weigh(self, scores: Mapping[str, float], *, share: float, source_share: float) -> Verdict:
        """Return the verdict on an object with a ``share`` of the frame, which had ``source_share`` of the source's."""
        if "mask_iou" not in scores:
            return Verdict(dict(scores))
        judged = self._good(scores["source_mask_iou"], source_share)
        reasons = []
        if judged and scores["expansion"] > scores["source_expansion"] + self.expansion:
            reasons.append(GuardReason.OBJECT_EXPANDED)
        if judged and not self._good(scores["mask_iou"], share):
            reasons.append(GuardReason.MASK_IOU)
        return Verdict({**scores, "segment_judged": float(judged)}, tuple(reasons))

    def _good(self, iou: float, share: float) -> bool:
        return iou >= (self.least_small_iou if share < SMALL else self.least_iou)
