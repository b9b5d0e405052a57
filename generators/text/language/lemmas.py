"""Singular forms of nouns, by lemminflect."""

from __future__ import annotations

import warnings
from functools import lru_cache

# Plural in form, singular in use, or the other way round.
UNCHANGED = frozenset("""
glasses pants jeans shorts scissors sunglasses tongs pliers goggles headphones bus grass glass
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
IRREGULAR = {"people": "person", "skis": "ski", "buses": "bus", "knives": "knife"}


@lru_cache(maxsize=8192)
def singular(noun: str) -> str:
    """The singular of a lower-case noun; what is singular already stays."""
    if noun in UNCHANGED:
        return noun
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lemminflect import getLemma  # type: ignore[import-untyped,unused-ignore]

        lemmas = getLemma(noun, upos="NOUN")
    return str(lemmas[0]) if lemmas else noun


@lru_cache(maxsize=8192)
def may_be_verb(word: str) -> bool:
    """Whether a lower-case word can be a form of a verb."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lemminflect import getAllLemmas  # type: ignore[import-untyped,unused-ignore]

        return "VERB" in getAllLemmas(word)
