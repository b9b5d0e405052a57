"""Noun phrases of captions: nouns, their modifiers, and what keeps a word from being set before them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from editmill.generators.text.language.assertion import unasserted
from editmill.generators.text.language.chunks import NOUNS, Chunk, chunks_of
from editmill.generators.text.language.compounds import BOUND_POSSESSIVES, MISLEADING_HEADS
from editmill.generators.text.language.lemmas import compound_lemma, singular
from editmill.generators.text.language.person_words import COLLECTIVES, OF_OBJECTS
from editmill.generators.text.language.persons import is_person
from editmill.generators.text.language.predicates import predicates_of
from editmill.generators.text.language.reading import Reading
from editmill.generators.text.language.scopes import inherited_scope, scope_of
from editmill.generators.text.language.spans import Span, Word

# Nothing may be set where a word is glued to what stands before it: "and/or", "#dog"; nor in addresses: "cats.com".
OPENING = " \t\n\r\u00a0\u2009\u202f\"'“‘«([{–—"
GLUED_AFTER = re.compile(r"[.@:=\\][a-z0-9/\\@]")


@dataclass(frozen=True)
class NounPhrase:
    """A noun with what stands before it.

    Attributes:
        noun: The whole compound ("tennis player").
        lemma, head_lemma: Singular and lower case, of the compound and of its last word; where the last word alone
            names another thing ("hot dog"), both are the compound.
        modifiers: Adjectives, participles and attribute nouns between determiner and noun, in order, without adverbs
            and "and".
        determiner: The article, possessive, quantifier or number before them, if any; "the man's" in "the man's hat".
        plural: Whether the noun is plural.
        scope: Why nothing may be inserted, or "": "negated" ("no dog", and whatever else the caption does not say to be
            there), "quantified" ("every dog"), "depicted" ("a
            painting of a dog"), "contrasted" ("another dog", "the largest dog"), "relational" ("the front of", "a photo
            of").
        person: Whether it is a person, a part of a body, a demonym or a name.
        start: Offset of the first modifier, of an adverb before it, or of the noun.
        predicates: Attribute words that the caption says of it elsewhere: "yellow" of "the cube is yellow".
    """

    noun: Span
    lemma: str
    head_lemma: str
    modifiers: tuple[Word, ...]
    determiner: Word | None
    plural: bool
    scope: str
    person: bool
    start: int
    predicates: tuple[Word, ...] = ()

    @property
    def described(self) -> frozenset[str]:
        """The words that the caption says of the noun, before it or elsewhere, in lower case."""
        return frozenset(word.text.lower() for word in (*self.modifiers, *self.predicates))


@lru_cache(maxsize=4096)
def noun_phrases(text: str) -> tuple[NounPhrase, ...]:
    """Return the noun phrases of a caption, in order; a possessor ("the man's hat") is one of its own."""
    reading = Reading(text)
    found: list[NounPhrase] = []
    before: tuple[Chunk, str] | None = None
    chunks = chunks_of(reading)
    denied, said = unasserted(reading, chunks), predicates_of(reading, chunks)
    for number, chunk in enumerate(chunks):
        phrase = _phrase(reading, chunk, said[number], denied=number in denied)
        scope = phrase.scope or (inherited_scope(reading, chunk, *before) if before else "")
        before = (chunk, scope)
        if _is_insertable(reading, chunk):
            found.append(phrase if scope == phrase.scope else NounPhrase(**{**phrase.__dict__, "scope": scope}))
    return tuple(found)


def _phrase(reading: Reading, chunk: Chunk, said: tuple[int, ...], *, denied: bool) -> NounPhrase:
    words = reading.words
    last = words[chunk.end - 1]
    end = last.start + len(_without_possessive(last.text))
    names = tuple(_without_possessive(word.text).lower() for word in words[chunk.compound : chunk.end])
    lemma = compound_lemma(names)
    head = lemma if lemma in MISLEADING_HEADS else lemma.rpartition(" ")[2]
    return NounPhrase(
        Span(words[chunk.compound].start, end),
        lemma,
        head,
        tuple(words[place] for place in chunk.modifiers),
        words[chunk.determiner] if chunk.determiner >= 0 else None,
        reading.tags[chunk.end - 1] == "NNS",
        "negated" if denied else scope_of(reading, chunk, lemma),
        _is_people(reading, chunk, lemma),
        words[chunk.first].start,
        tuple(words[place] for place in said),
    )


def _without_possessive(word: str) -> str:
    return word[:-2] if word.lower().endswith(("'s", "’s")) else word


def _is_insertable(reading: Reading, chunk: Chunk) -> bool:
    """Return whether a word before the phrase would stand for itself, and the noun is written in Latin letters."""
    starts = (reading.words[chunk.first].start, reading.words[chunk.compound].start)
    glued = any(start > 0 and reading.text[start - 1] not in OPENING for start in starts)
    glued = glued or GLUED_AFTER.match(reading.text, reading.words[chunk.end - 1].end) is not None
    noun = reading.words[chunk.end - 1].text
    letters = [letter for letter in noun if letter.isalpha()]
    return (
        not glued
        and noun[0].isalpha()
        # Latin with its extensions; dictionaries and tables know no other script.
        and all(letter < "\u0250" or "\u1e00" <= letter <= "\u1eff" for letter in letters)
    )


def _is_people(reading: Reading, chunk: Chunk, lemma: str) -> bool:
    head = lemma.rpartition(" ")[2]
    if reading.tags[chunk.end - 1] == "NNP" or reading.is_name(chunk.compound, chunk.end):
        return True
    if chunk.determiner >= 0 and head in BOUND_POSSESSIVES.get(reading.lowered[chunk.determiner], ()):
        return True
    if chunk.end < len(reading.words) and reading.lowered[chunk.end] == "of":
        following = _nouns_from(reading, chunk.end + 1)
        if head in COLLECTIVES:
            return any(is_person(noun, noun) for noun in following)
        if set(following[:1]) & OF_OBJECTS.get(head, frozenset()):
            return False
    return is_person(head, lemma)


def _nouns_from(reading: Reading, start: int) -> list[str]:
    """Return the nouns after "of": of "a group of young men", of "a line of cars and people"."""
    nouns: list[str] = []
    for place in range(start, min(start + 8, len(reading.words))):
        tag = reading.tags[place]
        if tag in NOUNS:
            nouns.append(singular(_without_possessive(reading.lowered[place])))
        elif nouns and tag != "CC":
            break
    return nouns
