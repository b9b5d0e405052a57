"""Why an attacked picture is not in a dataset."""

from __future__ import annotations

from enum import StrEnum


class WatermarkReason(StrEnum):
    """Pictures that can't be marked, that this run did not mark, or that would tell a hidden key."""

    NO_EMBED_RECORD = "no_embed_record"
    RIGHTS_MISSING = "rights_missing"
    EMBED_FAILED = "embed_failed"
    WITHHELD = "withheld"


FAILURES = frozenset(WatermarkReason) - {WatermarkReason.WITHHELD}
