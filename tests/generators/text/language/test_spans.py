"""Words and their offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.language.spans import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A chef's T-shirt, 8-foot.", ["A", "chef's", "T-shirt", "8-foot"]),
        ("the dogs' bowls — red/blue", ["the", "dogs", "bowls", "red", "blue"]),
        (
            "1,800 seats at 11:30 in the U.S. and 3.5 m",
            ["1,800", "seats", "at", "11:30", "in", "the", "U.S.", "and", "3.5", "m"],
        ),
        ("cafe\u0301 de\u0301ja\u0300 vu", ["cafe\u0301", "de\u0301ja\u0300", "vu"]),
        ("😀cube “ring” (star)", ["cube", "ring", "star"]),
        ("non\u2011breaking well‐lit", ["non\u2011breaking", "well‐lit"]),
        ("", []),
        (" -- !", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.text for word in words_of(text)] == words


@given(st.text(max_size=80))
def test_offsets_are_those_of_the_text(text: str) -> None:
    end = 0
    for word in words_of(text):
        assert word.start >= end
        assert text[word.start : word.end] == word.text
        end = word.end
