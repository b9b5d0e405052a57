"""Where the published algorithm puts its masks: before detected names, or before nouns that resemble one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from editmill.generators.text.language.spans import words_of
from editmill.generators.text.language.tagging import part_of_speech

Similarity = Callable[[str, str], float]
NOUNS = ("NN", "NNS", "NNP", "NNPS")


@dataclass(frozen=True)
class MaskSlot:
    """A mask before the word at [start, end) of the source, and the detected names that it stands for."""

    start: int
    end: int
    names: tuple[str, ...]


def direct_slots(text: str, names: Sequence[str]) -> list[MaskSlot]:
    """Return the first place where each detected name stands, if it has a space before it, and a space or the text's
    end after it.

    Only the first place counts, so "goalie" hides a later "goal"; case matters. Names are looked for in the order
    given: one that begins where another did gets no mask of its own, and one that a mask has broken ("teddy", then
    "bear" of "teddy bear") is not found.
    """
    found: dict[int, MaskSlot] = {}
    for name in filter(None, dict.fromkeys(names)):
        place = _first_unbroken(text, name, found)
        end = place + len(name)
        free = place > 0 and text[place - 1] == " " and text[end : end + 1] in ("", " ")
        if free and place not in found:
            found[place] = MaskSlot(place, end, (name,))
    return [found[place] for place in sorted(found)]


def _first_unbroken(text: str, name: str, masks: dict[int, MaskSlot]) -> int:
    place = text.find(name)
    while place >= 0 and any(place < mask < place + len(name) for mask in masks):
        place = text.find(name, place + 1)
    return place


def similar_slots(text: str, names: Sequence[str], similarity: Similarity, threshold: float) -> list[MaskSlot]:
    """Return the first occurrence of each distinct noun that resembles a detected name by at least ``threshold``."""
    words = words_of(text)
    tags = part_of_speech([word.text for word in words])
    found, seen = [], set()
    for word, tag in zip(words, tags, strict=True):
        if tag in NOUNS and word.text not in seen:
            seen.add(word.text)
            alike = tuple(name for name in dict.fromkeys(names) if similarity(word.text, name) >= threshold)
            if alike:
                found.append(MaskSlot(word.start, word.end, alike))
    return found


def find_slots(
    text: str, names: Sequence[str], similarity: Similarity, *, mode: str, threshold: float
) -> list[MaskSlot]:
    """Return slots of ``direct``, ``sim``, or ``mix``: similar nouns only where no name stands in the text."""
    direct = direct_slots(text, names) if mode in ("direct", "mix") else []
    return direct if direct or mode == "direct" else similar_slots(text, names, similarity, threshold)
