"""Why an attribute edit is not in a dataset."""

from __future__ import annotations

from enum import StrEnum


class AttributeReason(StrEnum):
    """Failures of an edit of one object, and rejections by the guards of such edits."""

    PARTNER_UNUSABLE = "partner_unusable"
    UPSAMPLING_OVER_LIMIT = "upsampling_over_limit"
    OBJECT_OUT_OF_FRAME = "object_out_of_frame"
    OBJECT_TOO_THIN = "object_too_thin"
    HOLE_TOO_LARGE = "hole_too_large"
    OBJECT_PIXELS_CHANGED = "object_pixels_changed"
    GEOMETRY_OFF = "geometry_off"
    REMOVAL_RESIDUAL = "removal_residual"
    DUPLICATE_OBJECT = "duplicate_object"
    EDGE_HALO = "edge_halo"
    COMPLEXITY_ORDER = "complexity_order"
    MASK_INCOMPLETE = "mask_incomplete"
    FILL_UNLIKE = "fill_unlike"
    FILL_SEAM = "fill_seam"
    OBJECT_LEFT = "object_left"
