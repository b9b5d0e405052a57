"""Attribute words that a caption says of a noun elsewhere than before it: "the cube is yellow", "a bench painted red"."""

# ruff: noqa: SIM905 - lists of words read better as text.

from __future__ import annotations

from collections.abc import Sequence

from editmill.generators.text.language.chunks import Chunk
from editmill.generators.text.language.lemmas import singular
from editmill.generators.text.language.reading import Reading
from editmill.generators.text.language.vocabulary import CORE, group_of

# They end what one predicate is said of.
VERBS = frozenset({"VBZ", "VBP", "VBD", "VBG", "VB"})
SENTENCE_ENDS = ".!?;\n"
BE = frozenset("is are was were be been being becomes become became remains remain isn't aren't wasn't weren't".split())
# "It has a yellow colour": of the object, not of a thing beside it.
PROPERTIES = frozenset(
    """
colour color hue shade tone size shape form material pattern finish surface texture
diameter radius circumference perimeter thickness depth breadth width height length volume dimension
""".split()
)
HAVING = frozenset("has have had having with of in".split())
PRONOUNS = frozenset("it they this these that those one it's that's they're".split())
DEFINITE = frozenset("the this that these those its".split())


def predicates_of(reading: Reading, chunks: Sequence[Chunk]) -> list[tuple[int, ...]]:
    """Return for each noun phrase the places of the attribute words that the text says of it, but not before it.

    Also what is denied of it ("is not red"), and what is said of the same noun with "the" or of "it" in the next
    sentence. In doubt a word counts for every phrase that it may mean.
    """
    return _Predicates(reading, chunks).found()


class _Predicates:
    def __init__(self, reading: Reading, chunks: Sequence[Chunk]) -> None:
        self.reading, self.chunks = reading, chunks
        self.words, self.tags = reading.lowered, reading.tags
        self.inside = {place: number for number, chunk in enumerate(chunks) for place in range(chunk.start, chunk.end)}
        self.said: list[set[int]] = [set() for _ in chunks]

    def found(self) -> list[tuple[int, ...]]:
        for place, word in enumerate(self.words):
            if place not in self.inside and group_of(word):
                self._say([place], place)
        for number, chunk in enumerate(self.chunks):
            places = [place for place in range(chunk.first, chunk.end) if group_of(self.words[place])]
            if places and self._is_predicate(chunk):
                self._say(places, chunk.start, apart=number)
        self._share()
        return [tuple(sorted(places)) for places in self.said]

    def _is_predicate(self, chunk: Chunk) -> bool:
        """Return whether a phrase says what something is: "is a red one", "made of metal", "has a yellow colour"."""
        before = chunk.start - 1
        while before > 0 and self.tags[before] == "RB" and self.reading.joined(before + 1):
            before -= 1
        if before < 0 or not self.reading.joined(before + 1):
            return False
        if self.words[before] in BE:
            return not (before > 0 and self.tags[before - 1] == "EX")
        bare = chunk.end - chunk.start == 1
        # "Red and round": the last of several may look like a noun.
        if bare and self.tags[before] == "CC" and before - 1 not in self.inside and group_of(self.words[before - 1]):
            return True
        made = self.words[before] in ("of", "from") and CORE.get(self.words[chunk.start]) == "material"
        owned = self.words[before] in HAVING and singular(self.words[chunk.end - 1]) in PROPERTIES
        return (bare and made) or owned

    def _say(self, places: Sequence[int], at: int, *, apart: int = -1) -> None:
        """Note what is said at ``at`` for the phrases that it may be about: not for the one that says it itself."""
        about = self._before(at) or self._after(places[-1] + 1)
        for number in about:
            if number != apart:
                self.said[number] |= set(places)

    def _before(self, at: int) -> list[int]:
        """Return the phrases before a predicate: from the nearest one back to a verb or the sentence's start.

        Where only "it" or the like stands there, those of the sentence before.
        """
        found: list[int] = []
        here, pronoun = at - 1, False
        while here >= 0 and not self._ends(here + 1):
            if here in self.inside:
                found.append(self.inside[here])
            elif found and self.tags[here] in VERBS:
                return found
            pronoun |= self.words[here] in PRONOUNS and here not in self.inside
            here -= 1
        return found or (self._sentence_before(here) if pronoun else [])

    def _sentence_before(self, here: int) -> list[int]:
        found = []
        while here >= 0:
            found += [self.inside[here]] if here in self.inside else []
            if self._ends(here):
                break
            here -= 1
        return found

    def _after(self, place: int) -> list[int]:
        """Return the phrase after a predicate that stands first: "yellow is the cube"."""
        while place < len(self.words) and not self._ends(place):
            if place in self.inside:
                return [self.inside[place]]
            place += 1
        return []

    def _ends(self, place: int) -> bool:
        """Return whether a sentence ends before the word at ``place``."""
        return place < len(self.words) and any(sign in self.reading.gaps[place] for sign in SENTENCE_ENDS)

    def _share(self) -> None:
        """Give what is said of "the cube" to the cube that was named before it."""
        nouns = [singular(self.words[chunk.end - 1]) for chunk in self.chunks]
        for later, chunk in enumerate(self.chunks):
            if chunk.determiner < 0 or self.words[chunk.determiner] not in DEFINITE:
                continue
            for earlier in range(later):
                if nouns[earlier] == nouns[later]:
                    self.said[earlier] |= self.said[later]
                    self.said[later] |= self.said[earlier]
