"""Added sentences: which are kept, and how they are joined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.dilution.sentences import appended, repeats, says_only, template
from editmill.generators.text.language.operations import apply_operations, undo_operations

WORDS = ("red", "azure", "large", "small", "metal")


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("the ball is red.", True),
        ("there is a red ball in the scene.", True),
        ("the picture also shows a red ball.", True),
        ("the ball is red", False),
        ("the ball is red. the ball is small.", False),
        ("the ball is azure.", False),
        ("the red ball is large.", False),
        ("the red ball is not there.", False),
        ("the ball isn't red.", False),
        ("perhaps the ball is red.", False),
        ("a red ball and a mug.", False),
        ("the shiny red ball.", False),
        ("a red cube.", False),
        ("the ball ball is red.", False),
        ("", False),
    ],
)
def test_what_is_kept(sentence: str, kept: bool) -> None:
    assert says_only(sentence, "ball", "red", WORDS) == kept


def test_templates_pass_their_own_check() -> None:
    assert says_only(template("ball", "red", plural=False), "ball", "red", WORDS)
    assert template("balls", "red", plural=True) == "the balls are red."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ball on grass", "a ball on grass. the ball is red."),
        ("A ball on grass.", "A ball on grass. The ball is red."),
        ("A ball! ", "A ball! The ball is red. "),
    ],
)
def test_joints(text: str, expected: str) -> None:
    assert apply_operations(text, (appended(text, "the ball is red."),)) == expected


@given(st.text(max_size=60))
def test_the_source_stays_verbatim(text: str) -> None:
    operation = appended(text, "the ball is red.")
    edited = apply_operations(text, (operation,))
    assert undo_operations(edited, (operation,)) == text
    assert edited.startswith(text.rstrip())


def test_repetitions() -> None:
    assert repeats("a red ball on a red ball on grass".split())  # noqa: SIM905 - reads better so.
    assert not repeats(["a", "red", "ball"])
