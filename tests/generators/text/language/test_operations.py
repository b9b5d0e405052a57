"""Operations: what they change comes back, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.language.operations import Operation, apply_operations, in_order, undo_operations

# Letters with and without marks, emoji with joiners, hyphens, quotes and surrogate-free text of any script.
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("aeé\u0301-–—’\"'.,!😀👩🏽\u200d\u202f")),
    max_size=60,
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, tuple[Operation, ...]]:
    """A text with replacements, deletions and insertions that do not overlap."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=0, max_size=8, unique=True)))
    operations = [
        Operation("replace", start, text[start:end], draw(TEXTS))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    inserted = [Operation("insert", start, "", draw(TEXTS)) for start in cuts[::2] if draw(st.booleans())]
    return text, tuple(draw(st.permutations([*operations, *inserted])))


@given(edits())
def test_undoing_gives_the_source(case: tuple[str, tuple[Operation, ...]]) -> None:
    text, operations = case
    edited = apply_operations(text, operations)
    assert undo_operations(edited, operations).encode() == text.encode()
    assert len(edited) - len(text) == sum(len(one.new) - len(one.old) for one in operations)


def test_an_insertion_stands_before_what_replaces_the_text_after_it() -> None:
    operations = in_order([Operation("initial_case", 0, "C", "c"), Operation("insert", 0, "", "Red ")])
    assert apply_operations("Cubes on grass", operations) == "Red cubes on grass"


def test_insertions_at_one_place_keep_their_order() -> None:
    assert (
        apply_operations("a cube", [Operation("insert", 2, "", "small "), Operation("insert", 2, "", "red ")])
        == "a small red cube"
    )


@pytest.mark.parametrize(
    "operation",
    [
        Operation("replace", 0, "x", "y"),
        Operation("delete", 3, "d", ""),
        Operation("insert", 4, "", "x"),
        Operation("delete", 2, "cd", ""),
    ],
)
def test_text_that_is_not_there_is_refused(operation: Operation) -> None:
    with pytest.raises(ValueError, match="does not stand"):
        apply_operations("abc", [operation])


def test_overlaps_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply_operations("abcd", [Operation("delete", 0, "abc", ""), Operation("delete", 2, "cd", "")])
    with pytest.raises(ValueError, match="overlap"):
        in_order([Operation("delete", 0, "abc", ""), Operation("insert", 1, "", "x")])


def test_a_place_before_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="before the text"):
        apply_operations("abc", [Operation("insert", -1, "", "x")])


@pytest.mark.parametrize("edited", ["a blue cube", "a", ""])
def test_another_text_can_not_be_undone(edited: str) -> None:
    with pytest.raises(ValueError, match="does not stand"):
        undo_operations(edited, (Operation("insert", 2, "", "red "),))
