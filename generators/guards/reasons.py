"""Why guards that several families share reject a picture."""

from __future__ import annotations

from enum import StrEnum


class GuardReason(StrEnum):
    """What guards that several families share find."""

    MASK_IOU = "mask_iou"
    OBJECT_EXPANDED = "object_expanded"
    EDIT_ABSENT = "edit_absent"
    LABEL_MARGIN_LOW = "label_margin_low"
    LABEL_CLIP = "label_clip"
    LABEL_SIGLIP = "label_siglip"
    LABEL_JOINT = "label_joint"
    IDENTITY_DINO = "identity_dino"
    OBJECT_LOST = "object_lost"
    GUARD_UNSTABLE = "guard_unstable"
    OUTSIDE_MASK_CHANGED = "outside_mask_changed"
    NO_OP = "no_op"
    NSFW = "nsfw"
    DUPLICATE = "duplicate"
    NEAR_SOURCE_COPY = "near_source_copy"
