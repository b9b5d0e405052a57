"""Deletion, synonyms, and easy data augmentation (Wei and Zou, arXiv 1901.11196) as reversible operations.

Unlike the published scripts these leave signs, blanks and capitals as they are; like them they don't correct articles
("a large" to "a enormous").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from editmill.generators.text.controls.synonyms import synonyms
from editmill.generators.text.language.operations import Operation, in_order
from editmill.generators.text.language.spans import Word, words_of
from editmill.generators.text.language.tagging import part_of_speech
from editmill.generators.text.xmai2023.stopwords import STOPWORDS

Rng = np.random.Generator
ALPHA = 0.2
DELETION = 0.1


def delete_words(text: str, rng: Rng, *, probability: float = DELETION, budget: int = 0) -> tuple[Operation, ...]:
    """Delete ``budget`` words, or with 0 each word with ``probability``, at least one.

    One word is always left, so a text of one stays.
    """
    words = words_of(text)
    if len(words) < 2:
        return ()
    chosen = [] if budget else [place for place in range(len(words)) if rng.random() < probability]
    if not chosen:
        chosen = rng.choice(len(words), min(budget or 1, len(words) - 1), replace=False).tolist()
    if len(chosen) == len(words):
        chosen.pop(int(rng.integers(len(words))))
    return _deletions(text, [words[place] for place in sorted(chosen)])


def replace_synonyms(text: str, rng: Rng, *, budget: int) -> tuple[Operation, ...]:
    """Replace ``budget`` words by a synonym, fewer where the table knows fewer."""
    known = _known(words_of(text))
    chosen = rng.choice(len(known), min(budget, len(known)), replace=False).tolist() if known else []
    return in_order(_replacement(word, _draw(choices, rng)) for word, choices in (known[place] for place in chosen))


def augment(text: str, rng: Rng, *, alpha: float = ALPHA) -> tuple[Operation, ...]:
    """Return one output of EDA: one of its four operations, drawn at random, on a share ``alpha`` of the words, at
    least one.

    An operation that changes nothing gives way to the next one drawn; none is left where no word can be changed.
    """
    words = words_of(text)
    count = max(1, int(alpha * len(words)))
    kinds: tuple[Callable[[], tuple[Operation, ...]], ...] = (
        lambda: replace_synonyms(text, rng, budget=count),
        lambda: _insert_synonyms(words, rng, count),
        lambda: _swap(words, rng, count),
        lambda: delete_words(text, rng, probability=alpha),
    )
    return next((operations for kind in rng.permutation(len(kinds)) if (operations := kinds[int(kind)]())), ())


def cased_like(word: str, model: str) -> str:
    """Return ``word`` with the capitals of ``model``: all, the first, or its own."""
    # A single capital may be the first letter of a sentence as well.
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if model[0].isupper() else word


def _known(words: Sequence[Word]) -> list[tuple[Word, tuple[str, ...]]]:
    """Return words other than stopwords that have synonyms, with these."""
    tags = part_of_speech([word.text for word in words])
    found = [
        (word, synonyms(word.text, tag))
        for word, tag in zip(words, tags, strict=True)
        if word.text.lower() not in STOPWORDS
    ]
    return [(word, choices) for word, choices in found if choices]


def _draw(choices: Sequence[str], rng: Rng) -> str:
    return choices[int(rng.integers(len(choices)))]


def _replacement(word: Word, other: str) -> Operation:
    return Operation("replace", word.start, word.text, cased_like(other, word.text))


def _insert_synonyms(words: Sequence[Word], rng: Rng, count: int) -> tuple[Operation, ...]:
    """Return ``count`` synonyms of random words, each before a random word."""
    known = _known(words)
    if not known:
        return ()
    before: dict[int, str] = {}
    for _ in range(count):
        _, choices = known[int(rng.integers(len(known)))]
        start = words[int(rng.integers(len(words)))].start
        before[start] = f"{before.get(start, '')}{_draw(choices, rng)} "
    return in_order(Operation("insert", start, "", new) for start, new in before.items())


def _swap(words: Sequence[Word], rng: Rng, count: int) -> tuple[Operation, ...]:
    """Swap two random words, ``count`` times."""
    if len(words) < 2:
        return ()
    order = [word.text for word in words]
    for _ in range(count):
        first, second = rng.choice(len(words), 2, replace=False).tolist()
        order[first], order[second] = order[second], order[first]
    return in_order(
        Operation("replace", word.start, word.text, new)
        for word, new in zip(words, order, strict=True)
        if word.text != new
    )


def _deletions(text: str, words: Sequence[Word]) -> tuple[Operation, ...]:
    """Return the deletion of each word with the blank before it, so that a sign after it stays close.

    A word that begins the text goes with the blank after it.
    """
    operations, done = [], 0
    for word in words:
        start, end = word.start, word.end
        # The blank before it may have gone with the word before.
        if start > done and text[start - 1].isspace() and text[:start].strip():
            start -= 1
        elif text[end : end + 1].isspace():
            end += 1
        operations.append(Operation("delete", start, text[start:end], ""))
        done = end
    return in_order(operations)
