"""Where the published algorithm puts its masks: before detected names, or before nouns that resemble one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generators.text.language.spans import words_of
from generators.text.language.tagging import part_of_speech

Similarity = Callable[[str, str], float]
NOUNS = ("NN", "NNS", "NNP", "NNPS")


@dataclass(frozen=True)
class MaskSlot:
    """A mask before the word at [start, end) of the source, and the detected names that it stands for."""

    start: int
    end: int
    names: tuple[str, ...]


def direct_slots(text: str, names: Sequence[str]) -> list[MaskSlot]:
    """The first occurrence of each detected name, case-sensitive, a space before it, a space or the end after it."""
    found = []
    for name in dict.fromkeys(names):
        place = text.find(f" {name}")
        while place >= 0:
            end = place + 1 + len(name)
            if end == len(text) or text[end] == " ":
                found.append(MaskSlot(place + 1, end, (name,)))
                break
            place = text.find(f" {name}", place + 1)
    return sorted(found, key=lambda slot: slot.start)


def similar_slots(text: str, names: Sequence[str], similarity: Similarity, threshold: float) -> list[MaskSlot]:
    """Each distinct noun that resembles a detected name by at least ``threshold``."""
    words = words_of(text)
    tags = part_of_speech([word.text for word in words])
    found, seen = [], set()
    for word, tag in zip(words, tags, strict=True):
        if tag in NOUNS and word.text not in seen:
            seen.add(word.text)
            alike = tuple(name for name in dict.fromkeys(names) if similarity(word.text.lower(), name) >= threshold)
            if alike:
                found.append(MaskSlot(word.start, word.end, alike))
    return found


def find_slots(text: str, names: Sequence[str], similarity: Similarity, *, mode: str, threshold: float) -> list[MaskSlot]:
    """Slots of ``direct``, ``sim``, or ``mix``: similar nouns only where no name stands in the text."""
    direct = direct_slots(text, names) if mode in ("direct", "mix") else []
    return direct if direct or mode == "direct" else similar_slots(text, names, similarity, threshold)
