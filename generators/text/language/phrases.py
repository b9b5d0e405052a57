"""Noun phrases of captions: heads, their modifiers, and what keeps a word from being set before them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from generators.text.language.lemmas import may_be_verb, singular
from generators.text.language.persons import ALWAYS_PEOPLE, COLLECTIVES, is_person
from generators.text.language.spans import Span, Word, words_of
from generators.text.language.tagging import part_of_speech
from generators.text.language.vocabulary import group_of

DETERMINERS = frozenset({"DT", "PRP$", "PDT", "WP$"})
ADJECTIVES = frozenset({"JJ", "JJR", "JJS"})
PARTICIPLES = frozenset({"VBN", "VBG"})
NOUNS = frozenset({"NN", "NNS", "NNP", "NNPS"})
NEGATING = frozenset({"no", "neither", "without"})
UNIVERSAL = frozenset({"every", "each", "all", "any", "both", "either"})
# What a caption calls the picture itself, when it begins with it, and what shows objects that are not there.
PICTURES = frozenset("""
photo photograph picture image view shot close-up closeup scene snapshot
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
DEPICTIONS = PICTURES | {
    "painting", "drawing", "statue", "poster", "sculpture", "sketch", "cartoon", "mural", "figurine", "print", "logo", "reflection",
}
DRAWN = frozenset({"printed", "painted", "drawn", "embroidered"})
# Heads that only say which part or how much of what follows.
RELATIONAL = COLLECTIVES | {
    "front", "back", "top", "side", "middle", "edge", "end", "bottom", "corner", "part", "piece", "kind", "type", "variety", "set", "stack", "pile",
    "slice", "background", "foreground", "day", "night", "time", "way", "air", "use", "there", "it", "one", "bit", "lots", "center", "inside",
    "process",
}


@dataclass(frozen=True)
class NounPhrase:
    """A noun with what stands before it.

    Attributes:
        noun: the whole compound ("tennis player").
        lemma, head_lemma: singular and lower case, of the compound and of its last word.
        modifiers: adjectives, participles and attribute nouns between determiner and noun, in order.
        determiner: the article, possessive or quantifier, if any.
        plural: whether the noun is plural.
        scope: why nothing may be inserted ("negated", "depicted", "quantified", "relational"), or "".
        person: whether it is a person, a part of a body or a demonym.
        start: offset of the first word after the determiner.
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


@lru_cache(maxsize=4096)
def noun_phrases(text: str) -> tuple[NounPhrase, ...]:
    """The noun phrases of a caption, in order."""
    words = words_of(text)
    tags = part_of_speech([word.text for word in words])
    found: list[NounPhrase] = []
    place = 0
    while place < len(words):
        end = _phrase_end(text, words, tags, place)
        if end > place and tags[end - 1] in NOUNS:
            found.append(_phrase(text, words, tags, place, end))
            place = end
        else:
            place += 1
    return tuple(found)


def _phrase_end(text: str, words: tuple[Word, ...], tags: tuple[str, ...], start: int) -> int:
    """Where the phrase that begins at word ``start`` ends: after its last noun."""
    end, last = start, start
    while end < len(words) and (end == start or _joined(text, words, tags, end)):
        if tags[end] in NOUNS:
            if last > start and _is_verb(words, tags, end):
                break
            last = end + 1
        elif last > start or not _may_precede(words, tags, start, end):
            break
        end += 1
    return last


def _may_precede(words: tuple[Word, ...], tags: tuple[str, ...], start: int, place: int) -> bool:
    """Whether a word may stand before a noun in its phrase."""
    tag, before = tags[place], tags[place - 1] if place > start else ""
    if tag in DETERMINERS | {"CD"}:
        return before in ("", "CD") or before in DETERMINERS
    if tag in PARTICIPLES:
        return before in DETERMINERS | ADJECTIVES | {"CD", "RB"} or bool(group_of(words[place].text))
    return tag in ADJECTIVES or (tag == "RB" and place + 1 < len(words))


def _is_verb(words: tuple[Word, ...], tags: tuple[str, ...], place: int) -> bool:
    """Whether a plural after a noun is rather its verb: "the girl inhales with", "the food cooks in"."""
    following = tags[place + 1] if place + 1 < len(words) else ""
    if tags[place] != "NNS" or tags[place - 1] != "NN" or following not in ("DT", "PRP$", "IN", "TO", "RB"):
        return False
    return may_be_verb(words[place].text.lower())


def _joined(text: str, words: tuple[Word, ...], tags: tuple[str, ...], place: int) -> bool:
    """Whether only blanks and quotes stand before a word, or a comma between two adjectives."""
    between = text[words[place - 1].end : words[place].start]
    if "," in between and not (tags[place - 1] in ADJECTIVES and tags[place] in ADJECTIVES | NOUNS):
        return False
    return between.strip(" \t\n,\"'“”‘’") == ""


def _phrase(text: str, words: tuple[Word, ...], tags: tuple[str, ...], start: int, end: int) -> NounPhrase:
    first = start
    while first < end - 1 and tags[first] in DETERMINERS | {"CD"}:
        first += 1
    begin = end - 1
    while begin > first and _in_compound(text, words, tags, begin):
        begin -= 1
    head = words[end - 1]
    lemma = singular(head.text.lower())
    compound = " ".join([*(word.text.lower() for word in words[begin : end - 1]), lemma])
    determiners = [word for word, tag in zip(words[start:first], tags[start:first], strict=True) if tag in DETERMINERS]
    modifiers = tuple(word for word, tag in zip(words[first:begin], tags[first:begin], strict=True) if tag != "RB")
    people = is_person(lemma, compound) or _of_people(words, tags, end, lemma)
    return NounPhrase(
        Span(words[begin].start, head.end), compound, lemma, modifiers, determiners[-1] if determiners else None,
        tags[end - 1] in ("NNS", "NNPS"), _scope(words, start, first, end, lemma), people, words[first].start,
    )


def _in_compound(text: str, words: tuple[Word, ...], tags: tuple[str, ...], place: int) -> bool:
    """Whether the word before ``place`` belongs to the noun: "tennis player", but not an attribute as in "metal cube"."""
    before = words[place - 1]
    return tags[place - 1] in NOUNS and not group_of(before.text) and "," not in text[before.end : words[place].start]


def _of_people(words: tuple[Word, ...], tags: tuple[str, ...], end: int, lemma: str) -> bool:
    """Whether a collective is one of people: "a group of young men"."""
    if lemma in ALWAYS_PEOPLE:
        return True
    if lemma not in COLLECTIVES or end >= len(words) or words[end].text.lower() != "of":
        return False
    following = [singular(word.text.lower()) for word, tag in zip(words[end + 1 : end + 5], tags[end + 1 : end + 5], strict=True) if tag in NOUNS]
    return bool(following) and is_person(following[-1], following[-1])


def _scope(words: tuple[Word, ...], start: int, first: int, end: int, lemma: str) -> str:
    inside = {word.text.lower() for word in words[start:first]}
    before = [word.text.lower() for word in words[max(0, start - 2) : start]]
    if inside & NEGATING or before[-1:] == ["without"]:
        return "negated"
    if inside & UNIVERSAL or before[-2:] == ["all", "of"]:
        return "quantified"
    if len(before) == 2 and before[1] == "of" and singular(before[0]) in DEPICTIONS and not _names_picture(words, start - 2):
        return "depicted"
    if end < len(words) and words[end].text.lower() in DRAWN:
        return "depicted"
    if lemma in RELATIONAL or (lemma in PICTURES and _names_picture(words, end - 1)):
        return "relational"
    return ""


def _names_picture(words: tuple[Word, ...], place: int) -> bool:
    """Whether the noun at ``place`` is the caption's own word for the picture."""
    return place <= 3 and words[place].text.lower() in PICTURES
