"""Where a noun may not be described."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.phrases import noun_phrases


@pytest.mark.parametrize(
    ("text", "lemma", "scope"),
    [
        ("a room with no chairs", "chair", "negated"),
        ("a table without a cup", "cup", "negated"),
        ("without any cup", "cup", "negated"),
        ("a desk without a computer or a monitor", "monitor", "negated"),
        ("two sinks, no mirror, and a window", "window", ""),
        ("there isn't a dog", "dog", "negated"),
        ("a cat instead of a dog", "dog", "negated"),
        ("it is not a dog", "dog", "negated"),
        ("every dog barks", "dog", "quantified"),
        ("all of the chairs are empty", "chair", "quantified"),
        ("both cats", "cat", "quantified"),
        ("few dogs", "dog", "quantified"),
        ("a few dogs", "dog", ""),
        ("several dogs", "dog", ""),
        ("most of the cars", "car", "quantified"),
        ("another dog", "dog", "contrasted"),
        ("the other dog", "dog", "contrasted"),
        ("the only tree", "tree", "contrasted"),
        ("the largest dog", "dog", "contrasted"),
        ("a smaller car", "car", "contrasted"),
        ("the same hat", "hat", "contrasted"),
        ("a painting of a horse", "horse", "depicted"),
        ("a painting of a horse", "painting", ""),
        ("a mug with a cat painted on it", "cat", "depicted"),
        ("a shirt with a dog printed on it", "dog", "depicted"),
        ("a wall with a picture of a dog", "dog", "depicted"),
        ("a painting of a man riding a horse", "horse", "depicted"),
        ("a poster of a dog and a cat", "cat", "depicted"),
        ("a cake shaped like a train", "train", "depicted"),
        ("a bear dressed as a pirate", "pirate", "depicted"),
        ('a sign that says "Fish Market" above a door', "fish market", "depicted"),
        ('a sign that says "Fish Market" above a door', "door", ""),
        ('a "stop" sign', "stop sign", ""),
        ("a wall painted white", "wall", ""),
        ("a bench painted green", "bench", ""),
        ("a photo of a horse", "horse", ""),
        ("a photo of a horse", "photo", "relational"),
        ("two pictures of a dog", "dog", ""),
        ("this is a close up view of a toy", "toy", ""),
        ("a man taking a picture of a dog", "dog", ""),
        ("there is a picture of a dog", "dog", ""),
        ("the front of a bus", "bus", ""),
        ("the front of a bus", "front", "relational"),
        ("a red bus", "bus", ""),
        ("a cake in the shape of a dog", "shape", "relational"),
        ("two shapes on a table", "shape", ""),
        ("a bowl of birthday goodness", "birthday goodness", "relational"),
        ("a dog in a harness", "harness", ""),
        ("a beach at sunset", "sunset", "relational"),
        ("a mix of fruit", "mix", "relational"),
        ("a reflection in a mirror", "reflection", "relational"),
        ("a pair of skis", "pair", "relational"),
        ("a bathroom scene", "bathroom scene", "relational"),
        ("a counter top", "counter top", ""),
        ("a parking lot", "parking lot", ""),
        ("a picture on the wall", "picture", "relational"),
        ("a wall with a picture", "picture", ""),
        ("the bus of a school", "bus", "relational"),
    ],
)
def test_scope(text: str, lemma: str, scope: str) -> None:
    assert next(one for one in noun_phrases(text) if one.lemma == lemma).scope == scope
