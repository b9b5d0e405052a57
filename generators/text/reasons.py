"""Why a caption was not edited."""

from __future__ import annotations

from enum import StrEnum


class TextReason(StrEnum):
    """What kept a word out of a caption."""

    TEXT_TOO_LONG = "text_too_long"
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
    NO_MATCH = "no_match"
    NO_CANDIDATE = "no_candidate"
    NO_INSERTION = "no_insertion"
    NO_GOLD = "no_gold"
    UNCHANGED = "unchanged"
