"""Captions of tabletop scenes: true unless labelled otherwise, in the world's grammar, and a function of their
address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from itertools import permutations

import pytest

from editmill.packs.tabletop.captioned_source import TabletopCaptionsSource, TabletopCaptionsSpec
from editmill.packs.tabletop.world import CLASSES, COLOURS, FINISHES, SIZES, SceneObject, plan_scene
from editmill.packs.tabletop.world.captions import OPENINGS
from editmill.packs.tabletop.world.inference import FAMILIES
from editmill.packs.tabletop.world.sentences import Thing

GROUPS: dict[str, Collection[str]] = {"size": SIZES, "colour": COLOURS, "finish": FINISHES}


def captions_of(**fields: object) -> list[tuple[str, int, int]]:
    """Text, label and scene of every caption."""
    source = TabletopCaptionsSource(TabletopCaptionsSpec.model_validate({"size": 32, **fields}))
    return [
        (one.text, one.label, int(record.id.rpartition("-")[2]))
        for record in source.records()
        for one in record.captions
    ]


def read(text: str) -> tuple[list[Thing], str]:
    """What a caption of the grammar says of objects, and its family of ground."""
    sentence = text[0].lower() + text[1:-1] if text.endswith(".") else text
    opening = max((one for one in OPENINGS if sentence.startswith(one)), key=len)
    phrases, _, ground = sentence.removeprefix(opening).partition(" on ")
    things = []
    for phrase in phrases.split(" and "):
        article, *words, name = phrase.split()
        assert name in CLASSES
        assert article == ("an" if [*words, name][0][0] in "aeiou" else "a")
        said = {group: word for word in words for group, values in GROUPS.items() if word in values}
        assert list(said.values()) == words
        assert list(said) == [group for group in GROUPS if group in said]
        things.append(Thing(name, **said))
    return things, FAMILIES[ground]


def holds(thing: Thing, item: SceneObject) -> bool:
    return thing.name == item.name and all(getattr(item, group) == value for group, value in thing.attributes.items())


def is_true(things: list[Thing], objects: tuple[SceneObject, ...]) -> bool:
    orders = permutations(objects, len(things))
    return any(all(holds(thing, item) for thing, item in zip(things, order, strict=True)) for order in orders)


@pytest.mark.parametrize("split", ["heldout", "shifted"])
def test_captions_are_true_of_their_scenes(split: str) -> None:
    for text, label, index in captions_of(count=60, captions=3, split=split):
        plan = plan_scene(split, index)
        things, ground = read(text)
        assert label == -1
        assert ground == plan.ground
        assert is_true(things, plan.objects), text


def test_contradictions_say_exactly_one_attribute_wrong() -> None:
    captions = captions_of(count=150, captions=2, contradictions=0.4)
    labels = [label for _, label, _ in captions]
    assert set(labels) == {0, 2}
    assert 0.3 < labels.count(2) / len(labels) < 0.5
    for text, label, index in captions:
        things, objects = read(text)[0], plan_scene("heldout", index).objects
        assert is_true(things, objects) == (label == 0), text
        if label == 2:
            kind = [item for item in objects if item.name == things[0].name]
            wrong = [
                group
                for group, value in things[0].attributes.items()
                if all(getattr(item, group) != value for item in kind)
            ]
            assert len(wrong) == 1
            mended = Thing(**{**vars(things[0]), wrong[0]: ""})
            assert is_true([mended, *things[1:]], objects), text


def test_something_is_left_to_insert_and_the_wording_varies() -> None:
    captions = captions_of(count=300)
    things = [thing for text, _, _ in captions for thing in read(text)[0]]
    objects = [item for _, _, index in captions for item in plan_scene("heldout", index).objects]
    said = sum(bool(thing.colour) for thing in things) / len(things)
    assert 0.3 < said < 0.5
    assert 0.05 < sum(text.endswith(".") for text, _, _ in captions) / len(captions) < 0.16
    assert all(text[0].isupper() == text.endswith(".") for text, _, _ in captions)
    pairs = [(text, index) for text, _, index in captions if len(plan_scene("heldout", index).objects) == 2]
    assert {len(read(text)[0]) for text, _ in pairs} == {1, 2}
    assert sum(not item.size for item in objects) / len(objects) > 0.25
    assert any(re.search(r"\ban (orange|azure|ivory)", text) for text, _, _ in captions)


@pytest.mark.parametrize(("mention", "said"), [(0.0, False), (1.0, True)])
def test_mention_decides_what_is_said(mention: float, said: bool) -> None:
    for text, _, index in captions_of(count=20, mention=mention):
        assert all(bool(thing.colour) == said for thing in read(text)[0])
        if said:
            assert plan_scene("heldout", index).objects[0].colour in text


def test_captions_depend_on_their_address_alone() -> None:
    few = TabletopCaptionsSource(TabletopCaptionsSpec(count=5, captions=1, size=32))
    many = TabletopCaptionsSource(TabletopCaptionsSpec(start=29_990, count=30, captions=4, size=64))
    by_id = {record.id: record for record in many.records()}
    for record in few.records():
        assert by_id[record.id].captions[0] == record.captions[0]
        assert by_id[record.id].image == record.image


def test_a_record_loads_the_pixels_and_the_objects_that_it_names() -> None:
    source = TabletopCaptionsSource(TabletopCaptionsSpec(count=20, size=64))
    for record in source.records():
        loaded = source.load(record)
        assert loaded.image.shape == (64, 64, 3)
        assert hashlib.sha256(loaded.image.tobytes()).hexdigest() == record.sha256
        plan = plan_scene("heldout", int(record.id.rpartition("-")[2]))
        assert [(item.name, dict(item.attributes)) for item in loaded.objects] == [
            (item.name, {"size": item.size, "colour": item.colour, "material": item.finish}) for item in plan.objects
        ]
        for found, item in zip(loaded.objects, plan.objects, strict=True):
            left, top, right, bottom = found.box
            assert left <= item.centre[0] * 64 <= right
            assert top <= item.centre[1] * 64 <= bottom


def test_the_scenes_are_of_no_other_use_by_default() -> None:
    first = next(TabletopCaptionsSource(TabletopCaptionsSpec()).records())
    assert (first.id, first.image) == ("heldout-030000", "tabletop:heldout/30000")
