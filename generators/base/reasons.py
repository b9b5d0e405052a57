"""Reasons why a sample is not in a dataset that every family may give; each has more of its own."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Failures of the source or of making a picture, and what any guard may say."""

    SOURCE_UNREADABLE = "source_unreadable"
    SOURCE_CHANGED = "source_changed"
    MASK_UNREADABLE = "mask_unreadable"
    MASK_SIZE_MISMATCH = "mask_size_mismatch"
    MASK_EMPTY = "mask_empty"
    MASK_FULL = "mask_full"
    SOURCE_TOO_SMALL = "source_too_small"
    SOURCE_INELIGIBLE = "source_ineligible"
    SURROGATE_UNAWARE = "surrogate_unaware"
    PROPOSER_ERROR = "proposer_error"
    GUARD_ERROR = "guard_error"
    SANITY = "sanity"
    CAP_REACHED = "cap_reached"


# Nothing can be tried of such a source.
SOURCE_FAULTS = frozenset(
    {
        Reason.SOURCE_UNREADABLE,
        Reason.SOURCE_CHANGED,
        Reason.MASK_UNREADABLE,
        Reason.MASK_SIZE_MISMATCH,
        Reason.MASK_EMPTY,
        Reason.MASK_FULL,
        Reason.SOURCE_TOO_SMALL,
    }
)
# Reasons that make a row failed; all others make it rejected.
FAILURES = SOURCE_FAULTS | {Reason.PROPOSER_ERROR, Reason.GUARD_ERROR}
