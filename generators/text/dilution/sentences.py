"""Sentences about one object and one attribute, and which of a model's are kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from editmill.generators.text.language.denying_words import is_doubtful
from editmill.generators.text.language.operations import Operation
from editmill.generators.text.language.phrases import noun_phrases
from editmill.generators.text.language.spans import words_of
from editmill.generators.text.language.vocabulary import group_of

# Nouns that say nothing of what the image holds.
NEUTRAL = frozenset(
    {"picture", "photo", "image", "scene", "finish", "colour", "color", "size", "material", "surface", "shape"}
)
ENDS = (".", "!", "?")


def template(noun: str, word: str, *, plural: bool) -> str:
    """Return ``the ball is red.``"""
    return f"the {noun} {'are' if plural else 'is'} {word}."


def says_only(sentence: str, noun: str, word: str, others: Sequence[str]) -> bool:
    """Return whether a sentence says of ``noun`` that it is ``word``, and nothing else that can be wrong.

    A sentence that denies or doubts it says something else.

    Args:
        sentence: The sentence.
        noun: The object's noun, lower case, as the caption has it.
        word: The attribute.
        others: Further words of attributes, which must not occur.
    """
    words = [one.text.lower() for one in words_of(sentence)]
    if not sentence.endswith(".") or sentence.count(".") != 1 or words.count(noun) != 1 or words.count(word) != 1:
        return False
    if (
        is_doubtful(words)
        or set(others) & set(words) - {word}
        or any(group_of(one) for one in words if one not in (word, noun))
    ):
        return False
    nouns = {
        name
        for phrase in noun_phrases(sentence)
        for name in (phrase.lemma, sentence[phrase.noun.start : phrase.noun.end].lower())
    }
    # The noun also under the lemma that is found for it, which may differ from what the caption writes.
    return nouns <= NEUTRAL | {noun, word, f"{word} {noun}"} | {
        phrase.lemma for phrase in noun_phrases(f"the {noun}")
    } and not repeats(words)


def repeats(words: Sequence[str], *, length: int = 4) -> bool:
    """Return whether ``length`` words in a row occur twice."""
    runs = [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]
    return len(set(runs)) < len(runs) or any(first == second for first, second in pairwise(words))


def appended(text: str, sentence: str) -> Operation:
    """Return the operation that adds a sentence after a text, in the text's own style: a capital where the text begins
    with one.
    """
    body = text.rstrip()
    first = words_of(text)
    styled = sentence[0].upper() + sentence[1:] if first and first[0].text[0].isupper() else sentence
    joint = " " if body.endswith(ENDS) else ". "
    return Operation("insert", len(body), "", joint + styled)
