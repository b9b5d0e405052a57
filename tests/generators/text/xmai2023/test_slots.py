from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.xmai2023.similarity import of_nouns
from editmill.generators.text.xmai2023.slots import direct_slots, find_slots, similar_slots

PIECES = st.lists(st.sampled_from(["dog", "Dog", "hot", "dogs", "cat", ".", "-", "  "]), max_size=8).map(" ".join)


def alike(first: str, second: str) -> float:
    return 0.75 if {first, second} == {"puppy", "dog"} else 0.7 if {first, second} == {"kitten", "cat"} else 0.0


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("a dog and a dog", ["dog"], ["dog@2"]),
        ("a dog", ["dog"], ["dog@2"]),
        ("dog on grass", ["dog"], []),
        ("a dog.", ["dog"], []),
        ("a Dog runs", ["dog"], []),
        ("a\tdog runs", ["dog"], []),
        ("a goalie at the goal today", ["goal"], []),
        ("a cat and a dog", ["dog", "cat"], ["cat@2", "dog@12"]),
        ("a teddy bear sits", ["teddy bear"], ["teddy bear@2"]),
        ("a teddy bear sits", ["teddy bear", "teddy"], ["teddy bear@2"]),
        ("a teddy bear sits", ["teddy bear", "bear"], ["teddy bear@2", "bear@8"]),
        ("a teddy bear sits", ["bear", "teddy bear"], ["bear@8"]),
        ("a dog", ["", "dog"], ["dog@2"]),
        ("", ["dog"], []),
    ],
)
def test_direct_slots(text: str, names: list[str], expected: list[str]) -> None:
    found = direct_slots(text, names)
    assert [f"{slot.names[0]}@{slot.start}" for slot in found] == expected
    assert all(text[slot.start : slot.end] == slot.names[0] for slot in found)


def test_similar_slots_take_the_first_of_each_noun_from_the_threshold_on() -> None:
    found = similar_slots("The puppy and the kitten with a puppy", ["dog", "cat", "mug"], of_nouns(alike), 0.7)
    assert [(slot.start, slot.names) for slot in found] == [(4, ("dog",)), (18, ("cat",))]
    assert similar_slots("The puppy", ["dog"], of_nouns(alike), 0.76) == []


def test_similar_slots_begin_texts_and_stand_before_signs() -> None:
    assert [slot.start for slot in similar_slots("Dogs, a dog.", ["dog"], of_nouns(alike), 0.7)] == [0, 8]


def test_forms_of_a_noun_are_alike() -> None:
    similarity = of_nouns(alike)
    assert similarity("Balls", "ball") == similarity("stop signs", "stop sign") == 1.0
    assert similarity("Puppies", "dogs") == 0.75


def test_similar_nouns_count_only_where_no_name_stands() -> None:
    text = "a puppy beside a mug here"
    modes = {
        mode: find_slots(text, ["mug", "dog"], of_nouns(alike), mode=mode, threshold=0.7)
        for mode in ("direct", "sim", "mix")
    }
    assert [slot.names for slot in modes["direct"]] == [slot.names for slot in modes["mix"]] == [("mug",)]
    assert [slot.names for slot in modes["sim"]] == [("dog",), ("mug",)]
    assert find_slots("a puppy.", ["mug", "dog"], of_nouns(alike), mode="mix", threshold=0.7)[0].names == ("dog",)
    assert find_slots("a puppy.", ["dog"], of_nouns(alike), mode="direct", threshold=0.7) == []


@given(PIECES, st.lists(st.sampled_from(["dog", "hot dog", "cat", "hot"]), max_size=4))
def test_slots_stand_apart_in_order(text: str, names: list[str]) -> None:
    slots = direct_slots(text, names)
    assert [slot.start for slot in slots] == sorted({slot.start for slot in slots})
    assert all(text[slot.start - 1] == " " and slot.start > 0 for slot in slots)
