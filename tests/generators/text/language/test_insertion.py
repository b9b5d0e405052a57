"""Where words go, and what else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.text.language.insertion import insert_word, merge_operations
from generators.text.language.operations import apply_operations, undo_operations
from generators.text.language.phrases import noun_phrases
from generators.text.language.vocabulary import GROUPS, conflicts, group_of


def inserted(text: str, lemma: str, word: str, group: str) -> str:
    phrase = next(one for one in noun_phrases(text) if lemma in (one.lemma, one.head_lemma))
    operations = insert_word(text, phrase, word, group)
    edited = apply_operations(text, operations)
    assert undo_operations(edited, operations) == text
    return edited


@pytest.mark.parametrize(("text", "lemma", "word", "group", "expected"), [
    ("a cube", "cube", "orange", "colour", "an orange cube"),
    ("an apple", "apple", "red", "colour", "a red apple"),
    ("An apple.", "apple", "red", "colour", "A red apple."),
    ("a small metal cube", "cube", "red", "colour", "a small red metal cube"),
    ("an ivory cube", "cube", "small", "size", "a small ivory cube"),
    ("a red cube", "cube", "matte", "material", "a red matte cube"),
    ("Cubes on grass", "cube", "red", "colour", "Red cubes on grass"),
    ("TV on a table", "table", "wooden", "material", "TV on a wooden table"),
    ("two dogs, his ice-cream", "ice-cream", "pink", "colour", "two dogs, his pink ice-cream"),
    ("  a  cube", "cube", "azure", "colour", "  an  azure cube"),
    ("the tennis racquet", "racquet", "blue", "colour", "the blue tennis racquet"),
    ("a café table 😀", "table", "old", "state", "an old café table 😀"),
])
def test_insertion(text: str, lemma: str, word: str, group: str, expected: str) -> None:
    assert inserted(text, lemma, word, group) == expected


def test_several_insertions_combine() -> None:
    text = "a cube and a ball"
    cube, ball = noun_phrases(text)
    operations = merge_operations([insert_word(text, ball, "orange", "colour"), insert_word(text, cube, "azure", "colour")])
    assert apply_operations(text, operations) == "an azure cube and an orange ball"


@given(st.text(max_size=40), st.sampled_from(["cube", "Cube", "ice-cream", "teddy bear"]), st.text(max_size=40), st.sampled_from(sorted(GROUPS)))
def test_nothing_but_article_and_first_letter_changes(before: str, noun: str, after: str, group: str) -> None:
    text = f"{before} {noun} {after}"
    for phrase in noun_phrases(text):
        word = GROUPS[group][0]
        operations = insert_word(text, phrase, word, group)
        edited = apply_operations(text, operations)
        assert undo_operations(edited, operations) == text
        put = next(one for one in operations if one.kind == "insert")
        assert put.new.lower() == f"{word} "
        assert all(one.kind in ("insert", "article", "initial_case") for one in operations)
        assert len(edited) - len(text) == sum(len(one.new) - len(one.old) for one in operations)


def test_conflicts() -> None:
    def of(text: str) -> bool:
        return conflicts("red", "colour", noun_phrases(text)[0])

    assert of("a blue cube")
    assert of("orange juice")
    assert of("a grey cat")
    assert not of("a small cube")
    assert conflicts("round", "shape", noun_phrases("a square box")[0])
    assert group_of("Grey") == "colour"
    assert group_of("tiny") == "size"
    assert group_of("happy") == ""
