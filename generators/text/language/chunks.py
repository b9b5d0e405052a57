"""Noun phrases as runs of words: determiners, modifiers, and the compound that is the noun."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.generators.text.language.caption_words import (
    DIMENSIONS,
    MEASURE_NOUNS,
    NOUN_PARTICIPLES,
    PLURAL_MODIFIERS,
)
from editmill.generators.text.language.closed_words import DETERMINERS
from editmill.generators.text.language.lemmas import singular
from editmill.generators.text.language.reading import Reading
from editmill.generators.text.language.vocabulary import group_of

ADJECTIVES = frozenset({"JJ", "VBN", "VBG"})
NOUNS = frozenset({"NN", "NNS", "NNP"})


@dataclass(frozen=True)
class Chunk:
    """Indices into a text's words: determiners [start, first), modifiers in [first, compound), the noun [compound,
    end).

    Attributes:
        modifiers: The modifiers without adverbs and "and".
        determiner: The word that determines it, which may be a possessor before ``start``; -1 for none.
        possessor: Whether its last word is a possessive ("the man's"), and the noun that it belongs to follows.
    """

    start: int
    first: int
    compound: int
    end: int
    modifiers: tuple[int, ...]
    determiner: int
    possessor: bool


def chunks_of(reading: Reading) -> list[Chunk]:
    """Return the noun phrases of a text in order; a possessor is one of its own, and determines the next."""
    found: list[Chunk] = []
    place, owner = 0, -1
    while place < len(reading.words):
        chunk = _Chunker(reading, place, owner if reading.joined(place) else -1).read()
        owner = chunk.end - 1 if chunk and chunk.possessor else -1
        place = chunk.end if chunk else place + 1
        if chunk:
            found.append(chunk)
    return found


class _Chunker:
    """Reads one noun phrase from a word on."""

    def __init__(self, reading: Reading, start: int, owner: int) -> None:
        self.reading, self.tags, self.lowered = reading, reading.tags, reading.lowered
        self.start, self.place, self.determiner = start, start, owner
        self.modifiers: list[int] = []
        self.nouns: list[int] = []

    def read(self) -> Chunk | None:
        """Return the phrase, or None where none begins."""
        self._read_determiners()
        first = self.place
        self._read_modifiers()
        self._read_nouns()
        if not self.nouns:
            return None
        self._take_measure()
        self._take_name()
        end, compound = self.nouns[-1] + 1, self._compound()
        modifiers = (*self.modifiers, *(place for place in self.nouns if place < compound))
        return Chunk(
            self.start,
            min(first, compound),
            compound,
            end,
            modifiers,
            self.determiner,
            self.reading.is_possessor(end - 1),
        )

    def _goes_on(self) -> bool:
        return self.place < len(self.tags) and (self.place == self.start or self.reading.joined(self.place))

    def _read_determiners(self) -> None:
        while self._goes_on() and self.tags[self.place] in DETERMINERS:
            # "a two story house": after "a" a number belongs to what follows.
            if self.tags[self.place] == "CD" and self.determiner >= 0 and self.lowered[self.determiner] in ("a", "an"):
                return
            self.determiner = self.place
            self.place += 1

    def _read_modifiers(self) -> None:
        while (self._goes_on() or self._is_listed()) and not self.reading.idiom_at(self.place):
            tag = self.tags[self.place]
            if self.reading.particle_at(self.place):
                self.nouns = [self.place, self.place + 1]
                self.place += 2
                return
            if self._is_noun_with_participle():
                self.place += 1
                self.modifiers.append(self.place)
            elif self._is_modifier(tag):
                self.modifiers.append(self.place)
            elif tag not in ("CC", "RB") or not self._leads_to_modifier():
                return
            self.place += 1

    def _is_modifier(self, tag: str) -> bool:
        if tag in ADJECTIVES:
            return self._may_modify()
        return (tag == "CD" and self.determiner >= 0) or (tag in NOUNS and self._is_coordinated())

    def _is_listed(self) -> bool:
        """Return whether a comma joins a further adjective: "a clean, spacious room"."""
        if self.place >= len(self.tags) or not self.modifiers or self.modifiers[-1] != self.place - 1:
            return False
        gap = self.reading.gaps[self.place]
        adverb = self.tags[self.place] == "RB" and self._leads_to_modifier()
        adjective = adverb or self.tags[self.place] in ("JJ", "VBN") or group_of(self.lowered[self.place]) != ""
        return adjective and gap.startswith(",") and gap.strip() == "," and len(gap) > 1

    def _may_modify(self) -> bool:
        """Return whether a word may modify: a participle opens a phrase only where no noun is before it: "the wall painted white"."""
        if self.tags[self.place] == "JJ" or self.place > self.start:
            return True
        after_noun = self.place > 0 and self.tags[self.place - 1] in NOUNS and self.reading.joined(self.place)
        return self.tags[self.place] == "VBN" and not after_noun

    def _leads_to_modifier(self) -> bool:
        """Return whether an adverb or "and" stands before another modifier: "very small", "black and white"."""
        following = self.place + 1
        if following >= len(self.tags) or not self.reading.joined(following):
            return False
        if self.tags[self.place] == "RB":
            return self.tags[following] in ("JJ", "RB") or (self.tags[following] == "VBN" and self.place > self.start)
        if not self.modifiers or self.modifiers[-1] != self.place - 1 or self.lowered[self.place] not in ("and", "or"):
            return False
        return self.tags[following] in ("JJ", "VBN") or self._share_group(self.place - 1, following)

    def _share_group(self, first: int, second: int) -> bool:
        group = group_of(self.lowered[first])
        return group != "" and group == group_of(self.lowered[second])

    def _is_noun_with_participle(self) -> bool:
        """Return whether a noun and a participle make one attribute: "snow covered mountain", "8 foot tall statue"."""
        if self.tags[self.place] not in ("NN", "NNS") or not self.reading.all_joined(self.place, self.place + 3):
            return False
        first, second = self.lowered[self.place : self.place + 2]
        attribute = second in NOUN_PARTICIPLES or (singular(first) in MEASURE_NOUNS and second in DIMENSIONS)
        described = (
            self.tags[self.place + 2] == "JJ"
            and self.reading.joined(self.place + 3)
            and self.tags[self.place + 3] in NOUNS
        )
        return attribute and (self.tags[self.place + 2] in NOUNS or described)

    def _is_coordinated(self) -> bool:
        """Return whether "and" joins two nouns of one group before a noun: "glass and wooden cabinets"."""
        if self.modifiers and self.tags[self.place - 1] == "CC":
            return group_of(self.lowered[self.place]) != ""
        after = self.place + 2
        if not self.reading.all_joined(self.place, after + 2) or self.tags[self.place + 1] != "CC":
            return False
        return self._share_group(self.place, after) and self.tags[after + 1] in NOUNS

    def _read_nouns(self) -> None:
        while self._goes_on():
            length = self.reading.idiom_at(self.place) if not self.nouns or self.tags[self.place] in NOUNS else 0
            if not length and (self.tags[self.place] not in NOUNS or self._begins_another()):
                return
            self.nouns += range(self.place, self.place + max(1, length))
            self.place += max(1, length)
            if self.reading.is_possessor(self.place - 1):
                return

    def _begins_another(self) -> bool:
        """Return whether another phrase begins, as it does after a plural: "in white shirts men"."""
        before = self.nouns[-1] if self.nouns else -1
        return before >= 0 and self.tags[before] == "NNS" and self.lowered[before] not in PLURAL_MODIFIERS

    def _measures(self, place: int) -> bool:
        return place < self.nouns[-1] and singular(self.lowered[place]) in MEASURE_NOUNS

    def _take_measure(self) -> None:
        """Nothing is set inside "modern style kitchen" or "low budget bathroom": the measure and its adjective belong
        to the noun.
        """
        if not self._measures(self.nouns[0]) or not self.modifiers or self.modifiers[-1] != self.nouns[0] - 1:
            return
        begin = self.modifiers.pop()
        while self.modifiers and self.tags[begin - 1] == "CC":
            begin = self.modifiers.pop()
        self.nouns = list(range(begin, self.nouns[-1] + 1))

    def _take_name(self) -> None:
        """Give a name to the noun with all its words: "Golden Gate Bridge"."""
        while (
            self.modifiers
            and self.modifiers[-1] == self.nouns[0] - 1
            and self.reading.is_name(self.modifiers[-1], self.nouns[-1] + 1)
        ):
            self.nouns.insert(0, self.modifiers.pop())

    def _compound(self) -> int:
        """Return where the noun begins: materials before it are attributes ("metal cube", "brick wall")."""
        begin = self.nouns[0]
        while begin < self.nouns[-1] and group_of(self.lowered[begin]) == "material":
            # Nothing is set inside fixed compounds, even where they begin with a material.
            if self.reading.idiom_at(begin) or self._measures(begin + 1):
                break
            begin += 1
        return begin
