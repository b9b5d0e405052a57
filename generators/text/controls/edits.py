"""Deletion, synonyms, and easy data augmentation (Wei and Zou, arXiv 1901.11196) as reversible operations.

Words keep their punctuation; nothing mends articles, as the published methods don't.
"""

from __future__ import annotations

import numpy as np

from generators.text.controls.synonyms import SYNONYMS
from generators.text.language.operations import Operation, in_order
from generators.text.language.spans import Word, words_of
from generators.text.xmai2023.stopwords import STOPWORDS

Rng = np.random.Generator
ALPHA = 0.2
DELETION = 0.1


def delete_words(text: str, rng: Rng, *, budget: int = 0) -> tuple[Operation, ...]:
    """Delete ``budget`` words, or with 0 each word with probability 0.1, at least one; the last word is never deleted alone."""
    words = words_of(text)
    if len(words) < 2:
        return ()
    chosen = [word for word in words if rng.random() < DELETION] if not budget else []
    if budget or not chosen:
        places = rng.choice(len(words), min(budget or 1, len(words) - 1), replace=False)
        chosen = [words[int(place)] for place in places]
    return in_order(_deletion(text, word) for word in chosen[: len(words) - 1])


def replace_synonyms(text: str, rng: Rng, *, budget: int) -> tuple[Operation, ...]:
    """Replace up to ``budget`` words by a synonym; none where the table knows no word."""
    known = [word for word in words_of(text) if word.text.lower() in SYNONYMS]
    if not known:
        return ()
    places = rng.choice(len(known), min(budget, len(known)), replace=False)
    return in_order(_synonym(known[int(place)], rng) for place in places)


def augment(text: str, rng: Rng) -> tuple[Operation, ...]:
    """One of EDA's four operations with alpha 0.2: synonym replacement, random insertion, random swap or random deletion."""
    words = words_of(text)
    count = max(1, round(ALPHA * len(words)))
    for kind in rng.permutation(4):
        operations = (
            replace_synonyms(text, rng, budget=count), _insert_synonyms(text, rng, count), _swap(words, rng), delete_words(text, rng, budget=count),
        )[int(kind)]
        if operations:
            return operations
    return ()


def _insert_synonyms(text: str, rng: Rng, count: int) -> tuple[Operation, ...]:
    """Synonyms of words of the text, set before random other words."""
    words = words_of(text)
    known = [word for word in words if word.text.lower() in SYNONYMS and word.text.lower() not in STOPWORDS]
    if not known:
        return ()
    places = rng.choice(len(words), min(count, len(words)), replace=False)
    operations = []
    for place in places:
        choices = SYNONYMS[known[int(rng.integers(len(known)))].text.lower()]
        operations.append(Operation("insert", words[int(place)].start, "", f"{choices[int(rng.integers(len(choices)))]} "))
    return in_order(operations)


def _swap(words: tuple[Word, ...], rng: Rng) -> tuple[Operation, ...]:
    """Two random words change places."""
    if len({word.text for word in words}) < 2:
        return ()
    first, second = (words[int(place)] for place in rng.choice(len(words), 2, replace=False))
    if first.text == second.text:
        return ()
    return in_order((Operation("replace", first.start, first.text, second.text), Operation("replace", second.start, second.text, first.text)))


def _synonym(word: Word, rng: Rng) -> Operation:
    choices = SYNONYMS[word.text.lower()]
    chosen = choices[int(rng.integers(len(choices)))]
    return Operation("replace", word.start, word.text, chosen.capitalize() if word.text[0].isupper() else chosen)


def _deletion(text: str, word: Word) -> Operation:
    """A word with the blank after it; the blank before it stays, so that deletions of neighbours don't overlap."""
    end = word.end + (text[word.end : word.end + 1] == " ")
    return Operation("delete", word.start, text[word.start : end], "")
