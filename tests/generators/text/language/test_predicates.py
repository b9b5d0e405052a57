"""Attribute words that stand elsewhere than before their noun."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.conflicts import conflicts
from editmill.generators.text.language.phrases import noun_phrases


@pytest.mark.parametrize(
    ("text", "lemma", "said"),
    [
        ("the cube is yellow", "cube", "yellow"),
        ("the cube, which is red, lies on a table", "cube", "red"),
        ("the cube, which is red, lies on a table", "table", ""),
        ("the cubes are both red", "cube", "red"),
        ("the cubes are all red and shiny", "cube", "red shiny"),
        ("the cube is a yellow one", "cube", "yellow"),
        ("the ball is a small red sphere", "ball", "red small"),
        ("a bench painted green", "bench", "green"),
        ("the cube on the table is yellow", "cube", "yellow"),
        ("the cube and the ball are yellow", "cube", "yellow"),
        ("the cube and the ball are yellow", "ball", "yellow"),
        ("there is a cube that is yellow", "cube", "yellow"),
        ("a cat sits on a mat that is blue", "cat", ""),
        ("a cat sits on a mat that is blue", "mat", "blue"),
        ("a cube on a table. it is yellow", "cube", "yellow"),
        ("a cube on a table. the cube is red", "cube", "red"),
        ("a cube on a table. a ball is red", "cube", ""),
        ("the cube looks yellow", "cube", "yellow"),
        ("yellow is the cube", "cube", "yellow"),
        ("the cube is made of metal", "cube", "metal"),
        ("a car in red", "car", "red"),
        ("a ring with a large diameter", "ring", "large"),
        ("the cube has a yellow colour", "cube", "yellow"),
        ("a cube on a plain surface", "cube", ""),
        ("the cube's colour is yellow", "cube", "yellow"),
        ("a ball, red and round, on the grass", "ball", "red round"),
        ("the cube is not red", "cube", "red"),
        ("a cube (yellow)", "cube", "yellow"),
        ("there is a red ball beside a blue cube", "ball", ""),
        ("THE CUBE IS YELLOW", "cube", "YELLOW"),
    ],
)
def test_predicates(text: str, lemma: str, said: str) -> None:
    phrase = next(one for one in noun_phrases(text) if one.lemma == lemma)
    assert sorted(word.text for word in phrase.predicates) == said.split()


def test_no_word_of_a_predicates_group_is_set_before_its_noun() -> None:
    (cube,) = noun_phrases("the cube is yellow")
    assert conflicts("yellow", "colour", cube)
    assert conflicts("red", "colour", cube)
    assert not conflicts("large", "size", cube)
