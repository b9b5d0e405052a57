"""Singular forms of nouns, and base forms of verbs."""

# ruff: noqa: SIM905 - lists of words read better as text.

from __future__ import annotations

from functools import lru_cache

from editmill.generators.text.language.lexicon import NOUN, VERB, kinds, lemmas

# Plural in form and singular in use; "glasses" are spectacles unless a compound says otherwise ("wine glasses").
UNCHANGED = frozenset(
    """
glasses eyeglasses sunglasses pants jeans shorts trousers leggings tights pajamas pyjamas scissors tongs pliers goggles headphones binoculars clothes
overalls suspenders handcuffs tweezers trunks slacks furnishings belongings groceries news tennis gas bus canvas lens christmas series species
headquarters dice data scaffolding gymnastics athletics electronics olympics sweats khakis scrubs graffiti
""".split()
)
# What lemminflect lacks, or has with another sense first.
IRREGULAR = {
    "people": "person",
    "persons": "person",
    "leaves": "leaf",
    "busses": "bus",
    "gases": "gas",
    "axes": "axe",
    "frisbees": "frisbee",
    "selfies": "selfie",
    "tvs": "tv",
    "suvs": "suv",
    "pcs": "pc",
    "ties": "tie",
    "pies": "pie",
    "cookies": "cookie",
    "hooves": "hoof",
    "canvases": "canvas",
}
SINGULARS = frozenset(
    "bus gas lens canvas christmas tennis news series species headquarters gymnastics athletics".split()
)
# Before "glasses", words that make them vessels and not spectacles.
VESSELS = frozenset(
    {
        "wine",
        "drinking",
        "water",
        "shot",
        "champagne",
        "beer",
        "martini",
        "pint",
        "juice",
        "tall",
        "small",
        "cocktail",
        "glass",
    }
)


@lru_cache(maxsize=8192)
def singular(noun: str) -> str:
    """Return the singular of a lower-case noun; what is singular already stays."""
    if noun in UNCHANGED:
        return noun
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    first, hyphen, last = noun.rpartition("-")
    if hyphen:
        return f"{first}-{singular(last)}" if last.isalpha() else noun
    found = lemmas(noun).get(NOUN, ())
    if found:
        return noun if noun in found and not noun.endswith("s") else found[0]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and len(noun) > 3:
        return (
            noun[:-2]
            if noun.endswith(("shes", "ches", "xes", "sses", "zzes"))
            else f"{noun[:-3]}y"
            if noun.endswith("ies")
            else noun[:-1]
        )
    return f"{noun[:-3]}man" if noun.endswith("men") and len(noun) > 4 else noun


def compound_lemma(words: tuple[str, ...]) -> str:
    """Return the singular of a lower-case compound, given by its words."""
    if words[-1] == "glasses" and len(words) > 1 and words[-2] in VESSELS:
        return " ".join([*words[:-1], "glass"])
    return " ".join([*words[:-1], singular(words[-1])])


@lru_cache(maxsize=8192)
def is_plural(noun: str) -> bool:
    """Return whether a lower-case noun is a plural form."""
    return singular(noun) != noun or (noun in UNCHANGED - SINGULARS and noun.endswith("s"))


@lru_cache(maxsize=8192)
def verb_of(word: str) -> str:
    """Return the base form of a lower-case verb form; ``""`` for what is no verb."""
    if VERB not in kinds(word):
        return ""
    found = lemmas(word).get(VERB, ())
    return found[0] if found else word
