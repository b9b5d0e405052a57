"""Singular forms."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.lemmas import compound_lemma, is_plural, singular, verb_of


@pytest.mark.parametrize(
    ("noun", "lemma"),
    [
        ("cubes", "cube"),
        ("boxes", "box"),
        ("knives", "knife"),
        ("women", "woman"),
        ("people", "person"),
        ("children", "child"),
        ("feet", "foot"),
        ("leaves", "leaf"),
        ("dishes", "dish"),
        ("buses", "bus"),
        ("skis", "ski"),
        ("frisbees", "frisbee"),
        ("t-shirts", "t-shirt"),
        ("cacti", "cactus"),
        ("bus", "bus"),
        ("canvas", "canvas"),
        ("tennis", "tennis"),
        ("glass", "glass"),
        ("grass", "grass"),
        ("plumbing", "plumbing"),
        ("scissors", "scissors"),
        ("pants", "pants"),
        ("sheep", "sheep"),
        ("toliets", "toliet"),
        ("skateboarders", "skateboarder"),
        ("cats", "cat"),
        ("policemen", "policeman"),
    ],
)
def test_singular(noun: str, lemma: str) -> None:
    assert singular(noun) == lemma
    assert singular(lemma) == lemma


@pytest.mark.parametrize(
    ("noun", "plural"),
    [("cubes", True), ("people", True), ("scissors", True), ("bus", False), ("sheep", False), ("dress", False)],
)
def test_plural(noun: str, plural: bool) -> None:
    assert is_plural(noun) == plural


def test_compounds_keep_their_first_words() -> None:
    assert compound_lemma(("tennis", "players")) == "tennis player"
    assert compound_lemma(("wine", "glasses")) == "wine glass"
    assert compound_lemma(("glasses",)) == "glasses"


def test_verbs() -> None:
    assert verb_of("stands") == "stand"
    assert verb_of("cube") in ("", "cube")
    assert verb_of("zebra") == ""
