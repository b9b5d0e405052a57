"""Words of a text with their code-point offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Letters and digits of any script with their combining marks; hyphens and apostrophes within a word belong to it.
WORD = re.compile(r"[^\W_][\w\u0300-\u036f]*(?:['’\-][^\W_][\w\u0300-\u036f]*)*", re.UNICODE)


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
    """The words of a text, without punctuation."""
    return tuple(Word(match.group(), match.start(), match.end()) for match in WORD.finditer(text))
