"""Noun phrases of captions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generators.text.language.persons import PEOPLE
from generators.text.language.phrases import NounPhrase, noun_phrases

REAL = Path(__file__).parents[5] / "shared" / "real" / "coco" / "captions.json"


def shown(text: str) -> list[tuple[str, ...]]:
    return [(*(word.text for word in phrase.modifiers), phrase.lemma) for phrase in noun_phrases(text)]


def phrase(text: str, lemma: str) -> NounPhrase:
    return next(one for one in noun_phrases(text) if one.lemma == lemma)


@pytest.mark.parametrize(("text", "expected"), [
    ("a small red metal cube on a wooden table", [("small", "red", "metal", "cube"), ("wooden", "table")]),
    ("A tennis player holds two racquets.", [("tennis player",), ("racquet",)]),
    ("Cubes and an ivory ring", [("cube",), ("ivory", "ring")]),
    ("a kitchen with a sink, stove and refrigerator", [("kitchen",), ("sink",), ("stove",), ("refrigerator",)]),
    ("A clean, spacious bathroom", [("clean", "spacious", "bathroom")]),
    ("", []),
])
def test_heads_and_modifiers(text: str, expected: list[tuple[str, ...]]) -> None:
    assert shown(text) == expected


def test_offsets_point_into_the_source() -> None:
    text = "😀 A  shiny teddy bear"
    found = phrase(text, "teddy bear")
    assert text[found.noun.start : found.noun.end] == "teddy bear"
    assert text[found.start :] == "shiny teddy bear"
    assert found.determiner is not None
    assert text[found.determiner.start : found.determiner.end] == "A"


@pytest.mark.parametrize(("text", "lemma", "scope"), [
    ("a room with no chairs", "chair", "negated"), ("a table without a cup", "cup", "negated"), ("every dog barks", "dog", "quantified"),
    ("a painting of a horse", "horse", "depicted"), ("a photo of a horse", "horse", ""), ("a photo of a horse", "photo", "relational"),
    ("the front of a bus", "bus", ""), ("a red bus", "bus", ""),
])
def test_scope(text: str, lemma: str, scope: str) -> None:
    assert phrase(text, lemma).scope == scope


FRAMES = (
    "A {} stands on a table.", "two photos of the {}", "a young {} near a dog", "the {} is looking at a car", "a picture of a {} with a red umbrella",
)


@pytest.mark.parametrize("frame", FRAMES)
def test_no_person_goes_unnoticed(frame: str) -> None:
    """Five frames times every noun of the list: each is flagged as a person or, as "a group", left out."""
    missed = []
    for noun in sorted(PEOPLE):
        text = frame.format(noun.replace("-", " "))
        place = text.index(noun.replace("-", " ").split()[-1])
        missed += [noun for one in noun_phrases(text) if one.noun.start <= place < one.noun.end and not one.person and not one.scope]
    assert not missed


@pytest.mark.parametrize("text", [
    "a group of young men", "a woman cooking in a kitchen", "the chef's knife", "a crowd", "a police officer", "a man's hat",
])
def test_people_in_compounds_and_collectives(text: str) -> None:
    assert noun_phrases(text)[0].person


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/real")
def test_every_coco_caption_is_read() -> None:
    captions = [one["caption"] for one in json.loads(REAL.read_text())["annotations"]]
    for text in captions:
        for one in noun_phrases(text):
            assert text[one.noun.start : one.noun.end].split()
            assert one.start <= one.noun.start
    assert sum(bool(noun_phrases(text)) for text in captions) == len(captions)
