"""The closed list of reasons why a sample is not in a dataset."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Failures of the source or of rendering, and rejections by guards."""

    SOURCE_UNREADABLE = "source_unreadable"
    MASK_UNREADABLE = "mask_unreadable"
    MASK_SIZE_MISMATCH = "mask_size_mismatch"
    MASK_EMPTY = "mask_empty"
    MASK_FULL = "mask_full"
    PARTNER_UNUSABLE = "partner_unusable"
    UPSAMPLING_OVER_LIMIT = "upsampling_over_limit"
    OBJECT_OUT_OF_FRAME = "object_out_of_frame"
    OBJECT_TOO_THIN = "object_too_thin"
    SOURCE_INELIGIBLE = "source_ineligible"
    SURROGATE_UNAWARE = "surrogate_unaware"
    PROPOSER_ERROR = "proposer_error"
    SANITY = "sanity"
    OBJECT_PIXELS_CHANGED = "object_pixels_changed"
    GEOMETRY_OFF = "geometry_off"
    REMOVAL_RESIDUAL = "removal_residual"
    OBJECT_EXPANDED = "object_expanded"
    MASK_IOU = "mask_iou"
    DUPLICATE_OBJECT = "duplicate_object"
    EDGE_HALO = "edge_halo"
    COMPLEXITY_ORDER = "complexity_order"
    EDIT_ABSENT = "edit_absent"
    LABEL_MARGIN_LOW = "label_margin_low"
    # Watermarks.
    NO_EMBED_RECORD = "no_embed_record"
    RIGHTS_MISSING = "rights_missing"
    SOURCE_TOO_SMALL = "source_too_small"
    EMBED_FAILED = "embed_failed"
    # Captions: why nothing was inserted.
    NO_NOUN = "no_noun"
    NO_BOX = "no_box"
    NONE_WON = "none_won"
    BELOW_THRESHOLD = "below_threshold"
    AMBIGUOUS = "ambiguous"
    ALREADY_MODIFIED = "already_modified"
    SCOPE = "scope"
    PERSON_GUARD = "person_guard"
    DISFLUENT = "disfluent"
    ENTAILMENT = "entailment"
    IMAGE_GUARD = "image_guard"
    LABEL_GUARD = "label_guard"
    CAP_REACHED = "cap_reached"
    NO_MATCH = "no_match"
    NO_CANDIDATE = "no_candidate"
    # Controls: no insertion whose slots they could take over, no true word, nothing that could be changed.
    NO_INSERTION = "no_insertion"
    NO_GOLD = "no_gold"
    UNCHANGED = "unchanged"
    # Synthesis that keeps the class: what the guard ensemble rejects.
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
    NOT_SELECTED = "not_selected"


FAILURES = frozenset(
    {
        Reason.SOURCE_UNREADABLE,
        Reason.MASK_UNREADABLE,
        Reason.MASK_SIZE_MISMATCH,
        Reason.MASK_EMPTY,
        Reason.MASK_FULL,
        Reason.PROPOSER_ERROR,
        Reason.NO_EMBED_RECORD,
        Reason.RIGHTS_MISSING,
        Reason.SOURCE_TOO_SMALL,
        Reason.EMBED_FAILED,
    }
)
