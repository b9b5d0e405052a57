"""What a caption says of attributes already, and which word has no place beside it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from editmill.generators.text.language.attribute_words import ANTONYMS, ENDINGS, FURTHER, GROUPS, PRIVATIVES, SYNONYMS
from editmill.generators.text.language.settled import settled_groups

if TYPE_CHECKING:
    from editmill.generators.text.language.phrases import NounPhrase

__all__ = ["ANTONYMS", "GROUPS", "ORDER", "PRIVATIVES", "SYNONYMS", "alike", "conflicts", "group_of"]
# In the order in which English sets modifiers before a noun.
ORDER: tuple[str, ...] = ("size", "state", "shape", "colour", "pattern", "material")
_CORE: dict[str, str] = {
    **{other: group for group, words in GROUPS.items() for word in words for other in SYNONYMS.get(word, ())},
    **{word: group for group, words in GROUPS.items() for word in words},
}
_GROUP_OF: dict[str, str] = {**{word: group for group, words in FURTHER.items() for word in words}, **_CORE}


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


def alike(word: str) -> frozenset[str]:
    """Return a lower-case word with its synonyms and antonyms, in either direction."""
    same = {word, *SYNONYMS.get(word, ()), *(key for key, others in SYNONYMS.items() if word in others)}
    opposite = {other for one in same for other in ANTONYMS.get(one, ())} | {
        key for key, others in ANTONYMS.items() if same & set(others)
    }
    return frozenset(same | opposite | {other for one in opposite for other in SYNONYMS.get(one, ())})


def conflicts(word: str, group: str, phrase: NounPhrase) -> bool:
    """Return whether ``word`` has no place at a noun.

    It has none when it is a privative ("fake"), or when its group, a synonym or an antonym is there already or in the
    noun ("orange juice", "square box", "snow").
    """
    lowered, nouns = word.lower(), phrase.lemma.split()
    modifiers = [modifier.text.lower() for modifier in phrase.modifiers]
    if lowered in PRIVATIVES or group in settled_groups(phrase.lemma) | settled_groups(phrase.head_lemma):
        return True
    if any(group_of(said) == group for said in modifiers) or any(_CORE.get(said) == group for said in nouns):
        return True
    return bool(alike(lowered) & {*modifiers, *nouns})
