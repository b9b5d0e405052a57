"""Which attribute words have no place at a noun."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.conflicts import alike, conflicts
from editmill.generators.text.language.phrases import noun_phrases
from editmill.generators.text.language.settled import settled_groups


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
        ("wood", "large", "size", True),
        ("the sun", "wooden", "material", True),
        ("an old-fashioned phone", "new", "state", True),
        ("a wood floor", "large", "size", False),
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
