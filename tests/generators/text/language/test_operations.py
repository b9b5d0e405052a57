"""Operations: what they change comes back, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.text.language.operations import Operation, apply_operations, in_order, undo_operations

TEXTS = st.text(max_size=60)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, tuple[Operation, ...]]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=0, max_size=8, unique=True)))
    operations = [Operation("replace", start, text[start:end], draw(TEXTS)) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    return text, tuple(operations)


@given(edits())
def test_undoing_gives_the_source(case: tuple[str, tuple[Operation, ...]]) -> None:
    text, operations = case
    assert undo_operations(apply_operations(text, operations), operations) == text


def test_an_insertion_stands_before_what_replaces_the_text_after_it() -> None:
    operations = in_order([Operation("initial_case", 0, "C", "c"), Operation("insert", 0, "", "Red ")])
    assert apply_operations("Cubes on grass", operations) == "Red cubes on grass"


@pytest.mark.parametrize("operation", [Operation("replace", 0, "x", "y"), Operation("delete", 3, "d", "")])
def test_text_that_is_not_there_is_refused(operation: Operation) -> None:
    with pytest.raises(ValueError, match="does not stand"):
        apply_operations("abc", [operation])


def test_overlaps_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply_operations("abcd", [Operation("delete", 0, "abc", ""), Operation("delete", 2, "cd", "")])


def test_another_text_can_not_be_undone() -> None:
    with pytest.raises(ValueError, match="does not stand"):
        undo_operations("a blue cube", (Operation("insert", 2, "", "red "),))
