"""Texts with words inserted: into the untouched source, or joined from tokens as the published scripts do."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from editmill.generators.text.language.spans import Span

CHUNK = re.compile(r"\S+")


@dataclass(frozen=True)
class Inserted:
    """A word before ``place`` of the source; ``fused`` for a piece that joins the word before it instead."""

    place: int
    word: str
    fused: bool = False


@dataclass(frozen=True)
class Rendered:
    """A text and where the inserted words stand in it, in their order."""

    text: str
    spans: tuple[Span, ...]


def render(source: str, inserted: Sequence[Inserted], *, detokenise: bool = False) -> Rendered:
    """Return the source with words inserted, which are in the order of their places."""
    return _joined(source, inserted) if detokenise else _in_place(source, inserted)


def _in_place(source: str, inserted: Sequence[Inserted]) -> Rendered:
    text, done, spans = "", 0, []
    for one in inserted:
        place = len(source[: one.place].rstrip()) if one.fused else one.place
        text += source[done:place]
        spans.append(Span(len(text), len(text) + len(one.word)))
        # A piece with no word before it stands as a word.
        text += one.word if one.fused and place else f"{one.word} "
        done = place
    return Rendered(text + source[done:], tuple(spans))


def _joined(source: str, inserted: Sequence[Inserted]) -> Rendered:
    """Return the text with defect 4.

    Signs stand close to what is before them and apart from what follows ("t-shirt" becomes "t- shirt"); only what
    follows an apostrophe is close to it. The first character of the whole is cut off, a space unless the text begins
    with a sign.
    """
    text, close, spans = "", False, {}
    for place, token, new, fused in _tokens(source, inserted):
        sign = len(token) == 1 and token in string.punctuation
        gap = "" if fused or sign or close else " "
        if new:
            spans[place] = Span(max(0, len(text) + len(gap) - 1), len(text) + len(gap) + len(token) - 1)
        text += gap + token
        close = token == "'" or (close and (sign or fused))
    return Rendered(text[1:], tuple(spans[place] for place in range(len(inserted))))


def _tokens(source: str, inserted: Sequence[Inserted]) -> list[tuple[int, str, bool, bool]]:
    """Return words and single signs of the source with the inserted words among them: (number of the insertion, text,
    inserted, fused).
    """
    tokens, waiting = [], 0
    for place, token in split_signs(source):
        while waiting < len(inserted) and inserted[waiting].place <= place:
            tokens.append((waiting, inserted[waiting].word, True, inserted[waiting].fused))
            waiting += 1
        tokens.append((-1, token, False, False))
    return tokens


def split_signs(text: str) -> list[tuple[int, str]]:
    """Return words and single signs with their places, as BERT's tokenizer splits them before it looks up pieces."""
    found: list[tuple[int, str]] = []
    for chunk in CHUNK.finditer(text):
        start = chunk.start()
        for place in range(chunk.start(), chunk.end()):
            if _is_sign(text[place]):
                if place > start:
                    found.append((start, text[start:place]))
                found.append((place, text[place]))
                start = place + 1
        if start < chunk.end():
            found.append((start, text[start : chunk.end()]))
    return found


def _is_sign(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
