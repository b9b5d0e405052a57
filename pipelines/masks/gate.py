"""The quality gate: which masks are good enough to build on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from editmill.pipelines.masks.proposals import Proposal
from editmill.pipelines.masks.refusal import Refusal, Refused


class MaskLimits(BaseModel):
    """Limits that a mask has to keep.

    Attributes:
        score: Least IoU that the segmenter predicts for its own mask. Small models judge themselves low.
        stability: Least IoU of the mask with what the segmenter makes of the mask's own box, as it is and somewhat
            larger.
        least_area, most_area: Limits of the object's share of the frame.
        largest: Least share of the mask's pixels in its largest piece, which alone is kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: float = Field(0.6, ge=0, le=1)
    stability: float = Field(0.92, ge=0, le=1)
    least_area: float = Field(0.01, ge=0, le=1)
    most_area: float = Field(0.6, ge=0, le=1)
    largest: float = Field(0.8, ge=0, le=1)


def judge_proposal(proposal: Proposal, limits: MaskLimits) -> Refused | None:
    """Return why the mask is not good enough, or None."""
    area = float(proposal.mask.mean())
    if proposal.score < limits.score:
        return Refused(Refusal.SCORE_LOW, f"predicted IoU {proposal.score:.3f}, at least {limits.score:g}")
    if proposal.stability < limits.stability:
        return Refused(
            Refusal.STABILITY_LOW,
            f"IoU {proposal.stability:.3f} with the mask of its own box, at least {limits.stability:g}",
        )
    if area < limits.least_area:
        return Refused(Refusal.TOO_SMALL, f"{area:.4f} of the frame, at least {limits.least_area:g}")
    if area > limits.most_area:
        return Refused(Refusal.TOO_LARGE, f"{area:.3f} of the frame, at most {limits.most_area:g}")
    if proposal.largest < limits.largest:
        return Refused(
            Refusal.FRAGMENTED,
            f"the largest piece holds {proposal.largest:.3f} of the mask, at least {limits.largest:g}",
        )
    return None
