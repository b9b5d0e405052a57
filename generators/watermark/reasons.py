"""Why an attacked picture is not in a dataset."""

from __future__ import annotations

from enum import StrEnum


class WatermarkReason(StrEnum):
    """Pictures that can't be marked, or that this run did not mark."""

    NO_EMBED_RECORD = "no_embed_record"
    RIGHTS_MISSING = "rights_missing"
    EMBED_FAILED = "embed_failed"


FAILURES = frozenset(WatermarkReason)
