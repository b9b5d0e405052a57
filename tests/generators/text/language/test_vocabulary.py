"""Attribute words and what they conflict with."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.phrases import noun_phrases
from editmill.generators.text.language.settled import settled_groups
from editmill.generators.text.language.vocabulary import (
    ANTONYMS,
    GROUPS,
    ORDER,
    PRIVATIVES,
    SYNONYMS,
    alike,
    conflicts,
    group_of,
)


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


@pytest.mark.parametrize(
    ("text", "word", "group", "expected"),
    [
        ("a blue cube", "red", "colour", True),
        ("orange juice", "red", "colour", True),
        ("a grey cat", "black", "colour", True),
        ("a small cube", "red", "colour", False),
        ("a square box", "round", "shape", True),
        ("a box", "round", "shape", True),
        ("a ball", "round", "shape", True),
        ("a ball", "red", "colour", False),
        ("a tiny dog", "large", "size", True),
        ("a wood table", "metal", "material", True),
        ("a banana", "wooden", "material", True),
        ("a glass", "plastic", "material", True),
        ("white snow", "wet", "state", True),
        ("snow", "white", "colour", True),
        ("a traffic light", "red", "colour", False),
        ("a dog", "fake", "state", True),
        ("a dry towel", "wet", "state", True),
        ("a matte cube", "metal", "material", True),
        ("a chocolate cake", "brown", "colour", True),
        ("a black and white cat", "gray", "colour", True),
        ("a rocking horse", "wooden", "material", False),
        ("a plain shirt", "striped", "pattern", True),
    ],
)
def test_conflicts(text: str, word: str, group: str, expected: bool) -> None:
    assert conflicts(word, group, noun_phrases(text)[0]) == expected


def test_alike_goes_both_ways() -> None:
    assert {"small", "little", "large", "big"} <= alike("little")
    assert "dirty" in alike("clean")
    assert "clean" in alike("muddy")
    assert alike("plaid") == {"plaid", "tartan"}


def test_settled_groups() -> None:
    assert settled_groups("ball") == {"shape"}
    assert settled_groups("table") == frozenset()
