"""Words of a text with their code-point offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Combining marks are no word characters to Python, but belong to the letter before them.
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PART = rf"(?:\d+(?:[.,:]\d+)+\w*|[^\W_][\w{_MARKS}]*)"
# Letters and digits of any script, with hyphens and apostrophes inside ("X-ray", "chef's"), numbers as "1,800",
# abbreviations as "U.S.".
WORD = re.compile(rf"(?:[A-Za-z]\.){{2,}}(?!\w)|{_PART}(?:['’\-\u2010\u2011]{_PART})*")


@dataclass(frozen=True)
class Span:
    """Code-point offsets [start, end)."""

    start: int
    end: int


@dataclass(frozen=True)
class Word:
    """A word and where it stands."""

    text: str
    start: int
    end: int


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words of a text, without punctuation."""
    return tuple(Word(match.group(), match.start(), match.end()) for match in WORD.finditer(text))
