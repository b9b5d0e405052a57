"""Words for the slots of another edit, so that the two differ in nothing but the word."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.text.gold import meant
from editmill.generators.text.language.attribute_words import SYNONYMS
from editmill.generators.text.language.phrases import NounPhrase
from editmill.generators.text.records import Insertion
from editmill.generators.text.xmai2023.stopwords import STOPWORDS


def random_attribute(pool: Sequence[str], rng: np.random.Generator) -> str:
    """Return a word of ``pool``, which holds each word of the group as often as the other edit inserted it, or once
    each.

    Raises:
        ValueError: The pool is empty.
    """
    if not pool:
        raise ValueError("no words to draw from")
    return pool[int(rng.integers(len(pool)))]


def false_attribute(words: Sequence[str], true: Collection[str], rng: np.random.Generator) -> str | None:
    """Return a word of the group that is neither true of the object nor a synonym of a true one.

    None where there is none.

    Args:
        words: The group's words.
        true: Words that are true of the objects that the noun may mean, and the word that the other edit inserted.
        rng: draws.
    """
    said = {
        other
        for word in true
        for other in (word, *SYNONYMS.get(word, ()), *(main for main, same in SYNONYMS.items() if word in same))
    }
    left = [word for word in words if word not in said]
    return left[int(rng.integers(len(left)))] if left else None


def false_word(
    image: CaptionedImage, phrase: NounPhrase, found: Insertion, words: Sequence[str], rng: np.random.Generator
) -> str | None:
    """Return another word than ``found`` of its group's ``words``, true of no object that the phrase may mean.

    None where there is none.
    """
    true = {item.attributes.get(found.group, "") for item in meant(image, phrase)} | {found.word}
    return false_attribute(words, true - {""}, rng)


def open_class_words(vocabulary: Collection[str]) -> tuple[str, ...]:
    """Return the words of a vocabulary that can stand before a noun: no stopwords, letters or capitals.

    Sorted, so that draws don't follow its order.
    """
    return tuple(
        sorted({word for word in vocabulary if len(word) > 1 and word == word.lower() and word not in STOPWORDS})
    )
