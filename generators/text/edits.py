"""The edits of captions, and what holds of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

TextEditName = Literal[
    "original",
    "grounded",
    "oracle",
    "random-attribute",
    "false-attribute",
    "random-word",
    "xmai-2023",
    "naive",
    "deletion",
    "eda",
    "synonym",
    "clare",
    "dilute",
    "dilute-false",
    "dilute-unrelated",
    "dilute-repeat",
    "dilute-keywords",
]
Way = Literal["untouched", "grounded", "swapped", "published", "reworded", "diluted"]


@dataclass(frozen=True)
class TextEditKind:
    """What holds of one edit.

    Attributes:
        way: How it is made: not at all, by what the image shows, by other words in the grounded edit's slots, by the
            published algorithm, by changing words without a look at the image, or by adding a sentence.
        matched: Whether it takes over where, or how many, words the grounded edit of the same caption inserts.
        needs_masked_lm: Whether it can't be made without the pack's masked language model.
        written: Whether its sentence may be written by the pack's language model.
    """

    way: Way
    matched: bool = False
    needs_masked_lm: bool = False
    written: bool = False

    @property
    def needs_grounding(self) -> bool:
        """Whether it starts from what could be inserted into the caption."""
        return self.matched or self.way in ("grounded", "diluted")

    @property
    def needs_judges(self) -> bool:
        """Whether models look at the image to make it, or to make what it is matched with."""
        return self.needs_grounding or self.way == "published"


EDITS: dict[TextEditName, TextEditKind] = {
    "original": TextEditKind("untouched"),
    "grounded": TextEditKind("grounded"),
    "oracle": TextEditKind("swapped", matched=True),
    "random-attribute": TextEditKind("swapped", matched=True),
    "false-attribute": TextEditKind("swapped", matched=True),
    "random-word": TextEditKind("swapped", matched=True, needs_masked_lm=True),
    "xmai-2023": TextEditKind("published", needs_masked_lm=True),
    "naive": TextEditKind("published", needs_masked_lm=True),
    "deletion": TextEditKind("reworded", matched=True),
    "eda": TextEditKind("reworded"),
    "synonym": TextEditKind("reworded", matched=True),
    "clare": TextEditKind("reworded", matched=True, needs_masked_lm=True),
    "dilute": TextEditKind("diluted", written=True),
    "dilute-false": TextEditKind("diluted", written=True),
    "dilute-unrelated": TextEditKind("diluted"),
    "dilute-repeat": TextEditKind("diluted"),
    "dilute-keywords": TextEditKind("diluted"),
}


def kind_of(name: str) -> TextEditKind:
    """Return what holds of an edit.

    Raises:
        KeyError: There is no such edit.
    """
    return EDITS[cast(TextEditName, name)]
