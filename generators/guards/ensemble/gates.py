"""The closed list of gates: which score each reads, from which limit on it binds, and the reason it gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from editmill.generators.guards.reasons import GuardReason

# Gates whose limits are calibrated, and which the rule puts together.
GateName = Literal[
    "label_clip", "label_siglip", "present_siglip", "identity", "object", "stable_clip", "stable_siglip", "mask_iou"
]


@dataclass(frozen=True)
class Gate:
    """One gate; a picture passes when its score is at least the limit.

    Attributes:
        score: Name of the score.
        reason: Why it rejects.
        limit: Least score without calibration.
        sourced: Whether it compares with a source picture.
    """

    score: str
    reason: StrEnum
    limit: float
    sourced: bool = False


# Margins and odds are in nats, cosines and overlaps in [-1, 1] and [0, 1].
GATES: dict[str, Gate] = {
    "label_clip": Gate("clip_margin", GuardReason.LABEL_CLIP, 0.0),
    "label_siglip": Gate("siglip_margin", GuardReason.LABEL_SIGLIP, 0.0),
    "present_siglip": Gate("siglip_odds", GuardReason.LABEL_SIGLIP, 0.0),
    "identity": Gate("identity", GuardReason.IDENTITY_DINO, 0.5, sourced=True),
    "object": Gate("object_margin", GuardReason.OBJECT_LOST, 0.0),
    "stable_clip": Gate("clip_margin_worst", GuardReason.GUARD_UNSTABLE, 0.0),
    "stable_siglip": Gate("siglip_margin_worst", GuardReason.GUARD_UNSTABLE, 0.0),
    "mask_iou": Gate("mask_iou", GuardReason.MASK_IOU, 0.7, sourced=True),
}
LABEL_GATES: tuple[str, ...] = ("label_clip", "label_siglip")
