"""Nouns in braces are not said to be there, those in brackets are; what stands in neither may count as either."""

# ruff: noqa: SIM905 - a list of words reads better as text.

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.language.denying_words import is_doubtful
from editmill.generators.text.language.phrases import noun_phrases

CAPTIONS = (Path(__file__).parent / "asserted_captions.txt").read_text(encoding="utf-8").splitlines()
MARKED = re.compile(r"([\[{])([^\]}]*)[\]}]")
OPENINGS = (
    "I don't see {}",
    "there isn't {}",
    "nobody holds {}",
    "if there were {}",
    "imagine {}",
    "without {}",
    "{} isn't there",
)


def free_nouns(text: str) -> list[tuple[int, int]]:
    """Spans of the nouns before which an attribute may be set, people aside."""
    return [(one.noun.start, one.noun.end) for one in noun_phrases(text) if not one.scope and not one.person]


@pytest.mark.parametrize("marked", CAPTIONS)
def test_only_what_a_caption_says_to_be_there_takes_an_attribute(marked: str) -> None:
    text = MARKED.sub(r"\2", marked)
    free = free_nouns(text)
    for number, found in enumerate(MARKED.finditer(marked)):
        start = found.start(2) - 2 * number - 1
        taken = any(first < start + len(found[2]) and start < last for first, last in free)
        assert taken == (found[1] == "["), found[2]


@given(
    st.sampled_from(OPENINGS),
    st.sampled_from(("cone", "red ball", "old wooden chair", "dog")),
    st.sampled_from((".", "!", "")),
)
def test_a_sentence_denies_its_noun_but_not_the_next(opening: str, noun: str, end: str) -> None:
    denied = opening.format(f"a {noun}")
    assert not free_nouns(denied + end)
    assert len(free_nouns(f"{denied}. A lamp stands on a table{end}")) == 2


PIECES = "no not nobody isn't cannot never if would maybe is there gone without cone dogs a the that and or , ?".split()


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_any_order_of_words_is_read(text: str) -> None:
    assert all(one.scope in {"", "negated", "quantified", "contrasted", "relational"} for one in noun_phrases(text))


@pytest.mark.parametrize("word", ["isn't", "isn’t", "cannot", "never", "hardly", "perhaps", "would", "without"])
def test_doubt(word: str) -> None:
    assert is_doubtful(["the", "ball", word, "red"])
    assert not is_doubtful(["the", "ball", "is", "red"])
