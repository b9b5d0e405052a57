"""Which nouns are people, parts of their bodies or demonyms: nothing is ever inserted before them."""

from __future__ import annotations

from functools import lru_cache

from editmill.generators.text.language.lexicon import is_known
from editmill.generators.text.language.person_words import (
    BODY,
    COLLECTIVES,
    DEMONYMS,
    ENDINGS,
    FIRST_NAMES,
    HARMLESS_MODIFIERS,
    NOT_PEOPLE,
    OBJECTS,
    PEOPLE,
    PEOPLE_ALONE,
)

__all__ = ["BODY", "COLLECTIVES", "DEMONYMS", "FIRST_NAMES", "PEOPLE", "PEOPLE_ALONE", "is_person"]


@lru_cache(maxsize=16384)
def is_person(noun: str, compound: str) -> bool:
    """Return whether a noun phrase is of people.

    Args:
        noun: Its last word, lower case, singular.
        compound: The whole compound, lower case, as "ceiling fan" or "tennis player"; the noun alone where there is
            none.
    """
    before = compound.split()[:-1]
    if before and before[-1] in OBJECTS.get(noun, ()):
        return False
    if {noun, compound.replace(" ", "-")} & (PEOPLE | PEOPLE_ALONE | BODY | DEMONYMS) or _sounds_like_person(noun):
        return True
    # "baby elephant", "woman doctor": the inserted word would stand before the person.
    return any(word in PEOPLE and word not in HARMLESS_MODIFIERS for word in before)


def _sounds_like_person(noun: str) -> bool:
    last = noun.rpartition("-")[2]
    if noun in NOT_PEOPLE:
        return False
    if last != noun and last in PEOPLE | BODY:
        return True
    # Who does something has a name that dictionaries need not have: "snowshoers".
    agent = noun.endswith("er") and len(noun) > 5 and noun.isalpha() and not is_known(noun)
    return agent or (len(noun) > 5 and noun.endswith((*ENDINGS, "ist")))
