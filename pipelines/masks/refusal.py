"""Why a photograph gets no mask."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """The closed list of reasons in ``refused.csv``."""

    PHOTOGRAPH_UNREADABLE = "photograph_unreadable"
    PROMPT_UNUSABLE = "prompt_unusable"
    NOT_DETECTED = "not_detected"
    SEVERAL_OBJECTS = "several_objects"
    NO_CANDIDATE = "no_candidate"
    SEGMENTER_FAILED = "segmenter_failed"
    SCORE_LOW = "score_low"
    STABILITY_LOW = "stability_low"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    FRAGMENTED = "fragmented"


class Refused(Exception):
    """One photograph gets no mask, for ``reason``."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
