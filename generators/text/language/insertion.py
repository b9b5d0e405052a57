"""Where an attribute word goes in a noun phrase, and what changes with it."""

from __future__ import annotations

from collections.abc import Iterable

from generators.text.language.articles import indefinite_article
from generators.text.language.operations import Operation, in_order
from generators.text.language.phrases import NounPhrase
from generators.text.language.spans import words_of
from generators.text.language.tagging import part_of_speech
from generators.text.language.vocabulary import ORDER, group_of


def insert_word(text: str, phrase: NounPhrase, word: str, group: str) -> tuple[Operation, ...]:
    """The operations that set ``word`` of ``group`` before a noun: the insertion, and with it the article and the first letter.

    Modifiers keep the order size, state, shape, colour, pattern, material; those of no group stand where they are.
    """
    place = _place(phrase, group)
    first_of_phrase = place == phrase.start
    operations = []
    article = phrase.determiner
    if first_of_phrase and article is not None and article.text.lower() in ("a", "an"):
        fitting = indefinite_article(word)
        if fitting != article.text.lower():
            operations.append(Operation("article", article.start, article.text, _cased_like(fitting, article.text)))
    if _begins_text(text, place) and text[place].isupper() and not _keeps_capital(text, place):
        operations.append(Operation("insert", place, "", f"{word[0].upper()}{word[1:]} "))
        operations.append(Operation("initial_case", place, text[place], text[place].lower()))
    else:
        operations.append(Operation("insert", place, "", f"{word} "))
    return in_order(operations)


def merge_operations(several: Iterable[tuple[Operation, ...]]) -> tuple[Operation, ...]:
    """The operations of several insertions at different nouns of one text.

    Raises:
        ValueError: two of them change the same characters.
    """
    return in_order(dict.fromkeys(operation for operations in several for operation in operations))


def _place(phrase: NounPhrase, group: str) -> int:
    rank = ORDER.index(group)
    for position, modifier in enumerate(phrase.modifiers):
        other = group_of(modifier.text)
        if other and ORDER.index(other) > rank:
            # An adverb before the first modifier belongs to it: "a very red cube".
            return phrase.start if position == 0 else modifier.start
    return phrase.noun.start if phrase.modifiers else phrase.start if phrase.start < phrase.noun.start else phrase.noun.start


def _cased_like(article: str, model: str) -> str:
    return article.capitalize() if model[0].isupper() else article


def _begins_text(text: str, place: int) -> bool:
    return not words_of(text[:place])


def _keeps_capital(text: str, place: int) -> bool:
    """Whether the text's first word is written with a capital anywhere: a name or an acronym."""
    first = words_of(text[place:])[0].text
    if len(first) > 1 and first[1:] != first[1:].lower():
        return True
    if len(first) == 1:
        return first != "A"
    return part_of_speech(["the", first])[1] in ("NNP", "NNPS") and part_of_speech(["the", first.lower()])[1] not in ("NN", "NNS", "JJ", "VBG", "VBN")
