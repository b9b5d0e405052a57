"""Attribute words and their groups."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.attribute_words import ANTONYMS, GROUPS, PRIVATIVES, SYNONYMS
from editmill.generators.text.language.vocabulary import ORDER, group_of


def test_the_closed_lists() -> None:
    assert set(GROUPS) == set(ORDER)
    words = [word for group in GROUPS.values() for word in group]
    assert len(words) == len(set(words))
    assert not PRIVATIVES & set(words)
    for group, own in GROUPS.items():
        assert 8 <= len(own) <= 20
        assert all(group_of(word) == group for word in own)


def test_synonyms_and_antonyms_are_of_known_words() -> None:
    known = {word for group in GROUPS.values() for word in group}
    assert set(SYNONYMS) <= known
    assert all(group_of(other) == group_of(word) for word, others in SYNONYMS.items() for other in others)
    assert all(group_of(word) for word in ANTONYMS)
    assert not known & {other for others in SYNONYMS.values() for other in others}


@pytest.mark.parametrize(
    ("word", "group"),
    [
        ("Grey", "colour"),
        ("tiny", "size"),
        ("huge", "size"),
        ("wooden", "material"),
        ("matte", "material"),
        ("azure", "colour"),
        ("ivory", "colour"),
        ("heart-shaped", "shape"),
        ("light-blue", "colour"),
        ("snow-covered", "state"),
        ("medium-sized", "size"),
        ("polka-dotted", "pattern"),
        ("happy", ""),
        ("red-handed", ""),
        ("-blue", ""),
        ("", ""),
    ],
)
def test_group_of(word: str, group: str) -> None:
    assert group_of(word) == group
