"""Noun phrases of captions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.language.phrases import NounPhrase, noun_phrases


def shown(text: str) -> list[tuple[str, ...]]:
    return [(*(word.text for word in phrase.modifiers), phrase.lemma) for phrase in noun_phrases(text)]


def phrase(text: str, lemma: str) -> NounPhrase:
    return next(one for one in noun_phrases(text) if one.lemma == lemma)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a small red metal cube on a wooden table", [("small", "red", "metal", "cube"), ("wooden", "table")]),
        ("A tennis player holds two racquets.", [("tennis player",), ("racquet",)]),
        ("Cubes and an ivory ring", [("cube",), ("ivory", "ring")]),
        ("a kitchen with a sink, stove and refrigerator", [("kitchen",), ("sink",), ("stove",), ("refrigerator",)]),
        ("A clean, spacious bathroom", [("clean", "spacious", "bathroom")]),
        ("a black and white cat", [("black", "white", "cat")]),
        ("a red, white and blue kite", [("red", "white", "blue", "kite")]),
        ("glass and wooden cabinets", [("glass", "wooden", "cabinet")]),
        ("a very old, very rusty truck", [("old", "rusty", "truck")]),
        ("some brown cabinets a black oven a tea kettle", [("brown", "cabinet"), ("black", "oven"), ("tea kettle",)]),
        ("a hot dog, a polar bear and a stop sign", [("hot dog",), ("polar bear",), ("stop sign",)]),
        ("a walk in closet and a stand up shower stall", [("walk in closet",), ("stand up shower stall",)]),
        ("a modern style kitchen in a two story house", [("modern style kitchen",), ("two story house",)]),
        ("snow covered trees", [("covered", "tree")]),
        ("a brick wall and a wall of bricks", [("brick", "wall"), ("wall",), ("brick",)]),
        ("the dog's bowl beside the dogs' beds", [("dog",), ("bowl",), ("dog",), ("bed",)]),
        ("A bicycle store shows two males.", [("bicycle store",), ("male",)]),
        ("a/b #dog, http://cats.com and cat/dog", [("cat",)]),
        ("собака на столе", []),
        ("it is red", []),
        ("", []),
        ("?!", []),
    ],
)
def test_heads_and_modifiers(text: str, expected: list[tuple[str, ...]]) -> None:
    assert shown(text) == expected


def test_offsets_point_into_the_source() -> None:
    text = "😀 A  shiny teddy bear"
    found = phrase(text, "teddy bear")
    assert text[found.noun.start : found.noun.end] == "teddy bear"
    assert text[found.start :] == "shiny teddy bear"
    assert found.determiner is not None
    assert text[found.determiner.start : found.determiner.end] == "A"


@pytest.mark.parametrize(
    ("text", "determiner"),
    [
        ("the red cube", "the"),
        ("two red cubes", "two"),
        ("his cube", "his"),
        ("red cubes", ""),
        ("a few cubes", "few"),
        ("the man's cube", "man's"),
        ("An 8 foot cube", "An"),
    ],
)
def test_determiners(text: str, determiner: str) -> None:
    found = noun_phrases(text)[-1].determiner
    assert (found.text if found else "") == determiner


def test_numbers_and_heads() -> None:
    assert phrase("two tennis rackets", "tennis racket").head_lemma == "racket"
    assert phrase("two tennis rackets", "tennis racket").plural
    assert not phrase("a cube", "cube").plural
    # The last word alone would be a dog.
    assert phrase("a hot dog", "hot dog").head_lemma == "hot dog"


def test_an_adverb_belongs_to_the_phrase() -> None:
    text = "a very small cube"
    assert text[phrase(text, "cube").start :] == "very small cube"


WORDS = st.lists(st.sampled_from(["a", "very", "small", "red", "cube", "dogs", "and", ",", "Two", "’s"]), max_size=12)


@given(st.one_of(st.text(max_size=120), WORDS.map(" ".join)))
def test_any_text_is_read(text: str) -> None:
    end = 0
    for one in noun_phrases(text):
        assert end <= one.start <= one.noun.start < one.noun.end <= len(text)
        assert all(one.start <= word.start < word.end <= one.noun.start for word in one.modifiers)
        assert one.start == 0 or not text[one.start - 1].isalnum()
        end = one.noun.end
