"""The group of an attribute word."""

from __future__ import annotations

from functools import lru_cache

from editmill.generators.text.language.attribute_words import ENDINGS, FURTHER, GROUPS, SYNONYMS

# In the order in which English sets modifiers before a noun.
ORDER: tuple[str, ...] = ("size", "state", "shape", "colour", "pattern", "material")
# The groups of the words that judges are asked about, and of their synonyms.
CORE: dict[str, str] = {
    **{other: group for group, words in GROUPS.items() for word in words for other in SYNONYMS.get(word, ())},
    **{word: group for group, words in GROUPS.items() for word in words},
}
_GROUP_OF: dict[str, str] = {**{word: group for group, words in FURTHER.items() for word in words}, **CORE}


@lru_cache(maxsize=8192)
def group_of(word: str) -> str:
    """Return the group of an attribute word in any case, or ``""``.

    Hyphenated words go by their last part ("light-blue", "heart-shaped").
    """
    lowered = word.lower()
    if lowered in _GROUP_OF:
        return _GROUP_OF[lowered]
    first, hyphen, last = lowered.rpartition("-")
    if not hyphen or not first:
        return ""
    return ENDINGS.get(last, "colour" if _GROUP_OF.get(last) == "colour" else "")
