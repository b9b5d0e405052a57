"""The toy world's captions and sentences are read without an error."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.text.language.phrases import noun_phrases
from editmill.packs.tabletop.world.captions import object_phrase, scene_caption
from editmill.packs.tabletop.world.sentences import Description, Thing, sentences
from editmill.packs.tabletop.world.vocabulary import CLASSES, COLOURS, FINISHES, GROUNDS, SIZES

# Modifiers and lemma of every wording of a ground.
SAID = {
    "a plain surface": ("plain", "surface"),
    "a plain table": ("plain", "table"),
    "a clear sky": ("clear", "sky"),
    "a sky gradient": ("", "sky gradient"),
    "a wooden table": ("wooden", "table"),
    "wooden planks": ("wooden", "plank"),
    "a checkered floor": ("checkered", "floor"),
    "a checkerboard": ("", "checkerboard"),
    "a brick wall": ("brick", "wall"),
    "red bricks": ("red", "brick"),
    "green grass": ("green", "grass"),
    "a grass lawn": ("", "grass lawn"),
    "a striped cloth": ("striped", "cloth"),
    "stripes": ("", "stripe"),
    "a marble slab": ("marble", "slab"),
    "white marble": ("white", "marble"),
}
GROUNDS_SAID = [wording for wordings in GROUNDS.values() for wording in wordings]
VALUES = [value for value in (*COLOURS, *SIZES, *FINISHES) if value]
Said = tuple[tuple[str, ...], str]


def read(text: str) -> list[Said]:
    """Modifiers and lemmas of what may be described."""
    frame = ("scene", "picture", "ground")
    return sorted(
        (tuple(word.text for word in phrase.modifiers), phrase.lemma)
        for phrase in noun_phrases(text)
        if not phrase.scope and not phrase.person and phrase.lemma not in frame
    )


def ground_said(wording: str) -> Said:
    modifier, lemma = SAID[wording]
    return ((modifier,) if modifier else (), lemma)


def draw_thing(rng: np.random.Generator) -> Thing:
    return Thing(
        str(rng.choice(CLASSES)),
        str(rng.choice([*COLOURS, ""])),
        str(rng.choice(list(SIZES))),
        str(rng.choice(FINISHES)),
    )


def thing_said(thing: Thing) -> Said:
    return tuple(thing.attributes.values()), thing.name


@pytest.mark.parametrize("wording", GROUNDS_SAID)
def test_captions(wording: str) -> None:
    rng = np.random.default_rng(len(wording))
    for _ in range(40):
        things = [draw_thing(rng) for _ in range(int(rng.integers(1, 3)))]
        text = scene_caption(
            [object_phrase(one.name, one.colour, one.size, one.finish) for one in things], wording, rng
        )
        assert read(text) == sorted([*map(thing_said, things), ground_said(wording)]), text


@pytest.mark.parametrize("relation", ["", "left of", "above"])
def test_sentences(relation: str) -> None:
    rng = np.random.default_rng(len(relation))
    for _ in range(60):
        things = tuple(draw_thing(rng) for _ in range(2 if relation else int(rng.integers(1, 3))))
        wording = "" if relation else str(rng.choice(["", *GROUNDS_SAID]))
        for text in sentences(Description(things, wording, relation)):
            # "The ball is red" and "the finish of the ball is matte" say the attribute after the noun.
            if "finish" in text or (
                len(things[0].attributes) == 1 and text.rstrip(".").endswith(tuple(f" is {value}" for value in VALUES))
            ):
                continue
            expected = [
                *map(thing_said, things),
                *([ground_said(wording)] if wording and wording.removeprefix("a ") in text else []),
            ]
            assert read(text) == sorted(expected), text
