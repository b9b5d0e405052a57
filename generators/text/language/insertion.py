"""Where an attribute word goes in a noun phrase, and what changes with it."""

# ruff: noqa: SIM905 - lists of words read better as text.

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from editmill.generators.text.language.articles import indefinite_article
from editmill.generators.text.language.lexicon import is_known, lemmas, usual_tag
from editmill.generators.text.language.operations import Operation, in_order
from editmill.generators.text.language.persons import DEMONYMS, FIRST_NAMES
from editmill.generators.text.language.phrases import NounPhrase
from editmill.generators.text.language.spans import words_of
from editmill.generators.text.language.tagging import title_cased
from editmill.generators.text.language.vocabulary import ORDER, group_of

# Of no group: opinions and numbers stand before all attributes, what tells the kind of a thing stands right before its
# noun.
FIRST, LAST = -1, len(ORDER)
KIND_ENDING = re.compile(r"(ed|en|ing|al|ic|ar|ary)$")
KINDS_OF_THINGS = frozenset(
    """
top bottom front back side middle left right upper lower inner outer indoor outdoor interior exterior inside outside public private urban rural
chinese japanese french italian mexican american asian european german english indian british greek thai spanish swiss adult male female grown
""".split()
)
OPINIONS = frozenset(
    """
single double amazing interesting charming stunning appealing appetizing inviting fascinating unusual actual real special typical
""".split()
)
ARTICLE = re.compile(r"\b(an?)([\s\"'“‘«(]+)$", re.IGNORECASE)
SENTENCE_START = re.compile(r"(^|[.!?]['\"”’)]*\s)[^\w]*$")
CLOSING_QUOTE = {'"': '"', "“": "”", "‘": "’", "'": "'", "«": "»"}


@dataclass(frozen=True)
class Unit:
    """Modifiers that stay together: with adverbs before them, or joined by "and".

    Attributes:
        start: Its offset in the text.
        rank: Position in ``ORDER``, ``FIRST`` or ``LAST``.
        listed: Whether a comma follows, and then another unit.
        after_comma: Whether a comma stands before it.
    """

    start: int
    rank: int
    listed: bool = False
    after_comma: bool = False


def insert_word(text: str, phrase: NounPhrase, word: str, group: str) -> tuple[Operation, ...]:
    """Return the operations that set ``word`` before a noun: the insertion, and with it the article and the first
    letter where they change.

    The modifiers that are there keep their places; the word goes before the first that English sets after it: size,
    state, shape, colour, pattern, material. A word of another group goes right before the noun.
    """
    place, listed = _place(text, phrase, group)
    put = _styled(text, word) + (", " if listed else " ")
    operations = []
    article = ARTICLE.search(text[:place])
    # The letter "a" before the place may also belong to a name, as in "plan A".
    if article and phrase.determiner is not None and article.start() == phrase.determiner.start:
        fitting, written = indefinite_article(word), article.group(1)
        if fitting != written.lower():
            operations.append(
                Operation("article", article.start(), written, _cased_like(fitting, written, shouted=_is_shouted(text)))
            )
    if SENTENCE_START.search(text[:place]) and text[place].isupper():
        put = put[0].upper() + put[1:]
        if not _keeps_capital(text, place):
            operations.append(Operation("initial_case", place, text[place], text[place].lower()))
    return in_order([Operation("insert", place, "", put), *operations])


def merge_operations(several: Iterable[tuple[Operation, ...]]) -> tuple[Operation, ...]:
    """Return the operations of several insertions into one text, each made on the source alone.

    Words at one place come in the order of their groups, and only the first decides on the article and the capital.

    Raises:
        ValueError: Two of them change the same characters.
    """
    by_place: dict[int, list[tuple[Operation, ...]]] = {}
    for operations in several:
        put = next((one for one in operations if one.kind == "insert"), None)
        if put is not None:
            by_place.setdefault(put.start, []).append(operations)
        elif operations:
            # Without an insertion they have no place; negative ones are nobody's.
            by_place.setdefault(-1 - len(by_place), []).append(operations)
    merged: list[Operation] = []
    for here in by_place.values():
        first, *others = sorted(dict.fromkeys(here), key=_rank_of)
        merged += first
        merged += [_uncapitalised(one, first) for operations in others for one in operations if one.kind == "insert"]
    return in_order(merged)


def _rank_of(operations: tuple[Operation, ...]) -> int:
    word = next((one.new for one in operations if one.kind == "insert"), "").strip(" ,")
    return _rank(word)


def _uncapitalised(put: Operation, first: tuple[Operation, ...]) -> Operation:
    """Return an insertion after another at the place: without the capital that the beginning gave it."""
    begins = put.start == 0 or any(one.kind == "initial_case" for one in first)
    if put.new.strip(" ,").isupper():
        return put
    return Operation("insert", put.start, "", put.new[0].lower() + put.new[1:]) if begins else put


def _place(text: str, phrase: NounPhrase, group: str) -> tuple[int, bool]:
    """Return where a word of ``group`` goes, and whether it joins a list with commas."""
    rank = ORDER.index(group) if group in ORDER else LAST
    place, listed = phrase.noun.start, False
    for position, unit in enumerate(_units(text, phrase)):
        if unit.rank > rank:
            place, listed = unit.start, unit.after_comma or (unit.listed and position == 0)
            break
    return _before_quote(text, place, phrase.noun.end), listed


def _units(text: str, phrase: NounPhrase) -> list[Unit]:
    """Return what stands between determiner and noun, in order."""
    modifiers = {modifier.start for modifier in phrase.modifiers}
    units: list[Unit] = []
    end, goes_on = phrase.start, False
    for word in words_of(text[phrase.start : phrase.noun.start]):
        start = phrase.start + word.start
        gap, is_modifier = text[end:start], start in modifiers
        conjunction = word.text.lower() in ("and", "or")
        goes_on = goes_on or "&" in gap or "/" in gap
        comma = "," in gap
        # "red, white and blue" is one attribute.
        same = comma and bool(units) and is_modifier and 0 <= units[-1].rank == _rank(word.text) < LAST
        if comma and units and not same:
            units[-1] = Unit(units[-1].start, units[-1].rank, True, units[-1].after_comma)
        if conjunction or same or (goes_on and units):
            if is_modifier:
                # Joined modifiers have the place of the one that comes first in English.
                units[-1] = Unit(
                    units[-1].start, min(units[-1].rank, _rank(word.text)), units[-1].listed, units[-1].after_comma
                )
        else:
            units.append(Unit(start, _rank(word.text) if is_modifier else LAST, False, comma))
        # Adverbs and conjunctions wait for the modifier that they belong to.
        goes_on, end = conjunction or not is_modifier, phrase.start + word.end
    return units


def _rank(word: str) -> int:
    group = group_of(word)
    if group:
        return ORDER.index(group)
    lowered = word.lower()
    if lowered in OPINIONS or (
        lowered not in KINDS_OF_THINGS and not KIND_ENDING.search(lowered) and lowered.isalpha()
    ):
        return FIRST
    return LAST


def _before_quote(text: str, place: int, end: int) -> int:
    """Return ``place``, or the quote before it if that closes within the phrase: 'a "stop" sign' is no 'a "red stop"
    sign'.
    """
    closing = CLOSING_QUOTE.get(text[place - 1 : place])
    opens = closing is not None and place > 1 and text[place - 2].isspace()
    return place - 1 if opens and closing is not None and closing in text[place : end + 1] else place


def _styled(text: str, word: str) -> str:
    """Return the word in the capitals of a text that is written all in them, or with one for each word."""
    if _is_shouted(text):
        return word.upper()
    return word[0].upper() + word[1:] if title_cased([one.text for one in words_of(text)]) else word


def _is_shouted(text: str) -> bool:
    return text.isupper() and len(words_of(text)) > 1


def _cased_like(article: str, model: str, *, shouted: bool) -> str:
    if shouted or model == "AN":
        return article.upper()
    return article.capitalize() if model[0].isupper() else article


def _keeps_capital(text: str, place: int) -> bool:
    """Return whether the first word of a sentence has its capital for itself: a name or an acronym."""
    words = words_of(text[place:])
    first = words[0].text.split("-")[0]
    lowered = first.lower().removesuffix("'s").removesuffix("’s")
    if len(first) == 1 or first[1:] != first[1:].lower() or title_cased([word.text for word in words_of(text)]):
        return True
    if lowered in DEMONYMS or (first in FIRST_NAMES and not lemmas(lowered)):
        return True
    named = usual_tag(first) in ("NNP", "NNPS") and not lemmas(lowered)
    return named or not is_known(lowered)
