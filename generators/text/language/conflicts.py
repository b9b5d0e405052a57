"""Which attribute word has no place at a noun, for what the caption says already."""

from __future__ import annotations

from editmill.generators.text.language.attribute_words import ANTONYMS, PRIVATIVES, SYNONYMS
from editmill.generators.text.language.phrases import NounPhrase
from editmill.generators.text.language.settled import settled_groups
from editmill.generators.text.language.vocabulary import CORE, group_of


def alike(word: str) -> frozenset[str]:
    """Return a lower-case word with its synonyms and antonyms, in either direction."""
    same = {word, *SYNONYMS.get(word, ()), *(key for key, others in SYNONYMS.items() if word in others)}
    opposite = {other for one in same for other in ANTONYMS.get(one, ())} | {
        key for key, others in ANTONYMS.items() if same & set(others)
    }
    return frozenset(same | opposite | {other for one in opposite for other in SYNONYMS.get(one, ())})


def conflicts(word: str, group: str, phrase: NounPhrase) -> bool:
    """Return whether ``word`` has no place at a noun.

    It has none when it is a privative ("fake"), or when its group, a synonym or an antonym is there already, before the
    noun or said of it ("the cube is yellow"), or in the noun ("orange juice", "square box", "snow").
    """
    lowered, nouns = word.lower(), phrase.lemma.split()
    if lowered in PRIVATIVES or group in settled_groups(phrase.lemma) | settled_groups(phrase.head_lemma):
        return True
    if any(group_of(said) == group for said in phrase.described) or any(CORE.get(said) == group for said in nouns):
        return True
    return bool(alike(lowered) & {*phrase.described, *nouns})
