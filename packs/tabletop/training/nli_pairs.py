"""Premise and hypothesis pairs of the grammar with their exact label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from editmill.packs.tabletop.training.text_scenes import (
    VALUES,
    TextScene,
    draw_text_scene,
    draw_thing,
    draw_wording,
    part_of,
)
from editmill.packs.tabletop.world import CLASSES, GROUNDS
from editmill.packs.tabletop.world.inference import (
    CONTRADICTION,
    ENTAILMENT,
    LABELS,
    NEUTRAL,
    Claims,
    claims,
    judge_claims,
)
from editmill.packs.tabletop.world.sentences import GROUPS, INVERSE, Description, Thing, caption, sentences

Rng = np.random.Generator
Mention = Callable[[int], Thing]
TRIES = 6


@dataclass(frozen=True)
class Pair:
    """Two texts and how the second follows from the first: an entry of ``LABELS``."""

    premise: str
    hypothesis: str
    label: str


@dataclass(frozen=True)
class _Told:
    """One text of a premise; ``positions`` say which objects of the scene the description's things are."""

    positions: tuple[int, ...]
    description: Description
    text: str


def _pick(options: tuple[str, ...], rng: Rng) -> str:
    return options[int(rng.integers(len(options)))]


def _mentions(scene: TextScene, rng: Rng, count: int) -> tuple[TextScene, Mention]:
    """Return how each object is named in a premise of a caption and ``count`` sentences.

    Two objects of one class are always named by the same words, their different colours among them: otherwise nobody
    could say which of them a sentence is about. Where the colours are equal the premise is about the first one only.
    """
    things = scene.things
    if not count or len(things) == 1 or things[0].name != things[1].name:
        return scene, lambda position: part_of(things[position], rng, share=0.6)
    if things[0].colour == things[1].colour:
        return replace(scene, things=things[:1], relation=""), lambda position: part_of(
            things[position], rng, share=0.6
        )
    named = [replace(part_of(thing, rng, share=0.6), colour=thing.colour) for thing in things]
    return scene, named.__getitem__


def _tell_caption(scene: TextScene, rng: Rng, mention: Mention) -> _Told:
    positions = [int(position) for position in rng.permutation(len(scene.things))][: 2 if rng.random() < 0.75 else 1]
    description = Description(
        tuple(mention(position) for position in positions), draw_wording(scene.ground, rng, share=0.8)
    )
    return _Told(tuple(positions), description, caption(description, rng))


def _tell_sentence(scene: TextScene, rng: Rng, mention: Mention) -> _Told:
    positions = tuple(int(position) for position in rng.permutation(len(scene.things)))
    shape = rng.random()
    if shape < 0.12:
        positions, description = (), Description(ground=draw_wording(scene.ground, rng))
    elif shape < 0.6 and len(positions) == 2:
        relation = "" if rng.random() < 0.3 else scene.relation if positions[0] == 0 else INVERSE[scene.relation]
        ground = "" if relation else draw_wording(scene.ground, rng, share=0.5)
        description = Description(tuple(mention(position) for position in positions), ground, relation)
    else:
        positions = positions[:1]
        description = Description((mention(positions[0]),), draw_wording(scene.ground, rng, share=0.4))
    return _Told(positions, description, _pick(sentences(description), rng))


def _all_told(told: list[_Told]) -> Claims:
    """Return what the texts say together."""
    things: dict[int, Thing] = {}
    relations: set[tuple[int, str, int]] = set()
    for text in told:
        for position, thing in zip(text.positions, text.description.things, strict=True):
            things[position] = replace(things.get(position, thing), **thing.attributes)
    order = sorted(things)
    for text in told:
        if text.description.relation:
            first, second = (order.index(position) for position in text.positions)
            relations.add((first, text.description.relation, second))
    ground = next((claims(text.description).ground for text in told if text.description.ground), "")
    return Claims(tuple(things[position] for position in order), ground, frozenset(relations))


def draw_premise(scene: TextScene, rng: Rng, count: int) -> tuple[str, Claims]:
    """Return a caption and ``count`` sentences about the same scene, and all that they say."""
    scene, mention = _mentions(scene, rng, count)
    told = [_tell_caption(scene, rng, mention), *(_tell_sentence(scene, rng, mention) for _ in range(count))]
    return _join([text.text for text in told], rng), _all_told(told)


def _join(texts: list[str], rng: Rng) -> str:
    text = ". ".join(text.removesuffix(".") for text in texts)
    return f"{text}." if len(texts) > 1 or texts[0].endswith(".") or rng.random() < 0.3 else text


def _part_of_claims(known: Claims, rng: Rng) -> Description:
    """Return a text that says part of what is known."""
    order = [int(position) for position in rng.permutation(len(known.things))]
    positions = tuple(order if rng.random() < 0.6 else order[:1]) if rng.random() < 0.95 else ()
    things = tuple(part_of(known.things[position], rng, share=0.7) for position in positions)
    relation = ""
    if len(positions) == 2 and known.relations and rng.random() < 0.6:
        first, word, _ = sorted(known.relations)[0]
        relation = word if first == positions[0] else INVERSE[word]
    share = 1.0 if not positions else 0.6
    return Description(things, draw_wording(known.ground, rng, share=share) if known.ground else "", relation)


def _with_thing(description: Description, position: int, **values: str) -> Description:
    things = list(description.things)
    things[position] = replace(things[position], **values)
    return replace(description, things=tuple(things))


def _set_attribute(description: Description, rng: Rng, *, said: bool) -> Description:
    """Return another value of an attribute that the text says, or a value of one that it does not say."""
    slots = [
        (i, group)
        for i, thing in enumerate(description.things)
        for group in GROUPS
        if bool(getattr(thing, group)) == said
    ]
    if not slots:
        return description
    position, group = slots[int(rng.integers(len(slots)))]
    current = getattr(description.things[position], group)
    return _with_thing(
        description, position, **{group: _pick(tuple(value for value in VALUES[group] if value != current), rng)}
    )


def _add_attribute(description: Description, rng: Rng) -> Description:
    return _set_attribute(description, rng, said=False)


def _change_attribute(description: Description, rng: Rng) -> Description:
    return _set_attribute(description, rng, said=True)


def _change_class(description: Description, rng: Rng) -> Description:
    if not description.things:
        return description
    return _with_thing(description, int(rng.integers(len(description.things))), name=_pick(CLASSES, rng))


def _swap_attribute(description: Description, rng: Rng) -> Description:
    if len(description.things) < 2:
        return description
    group = _pick((*GROUPS, "name"), rng)
    first, second = (getattr(thing, group) for thing in description.things)
    return _with_thing(_with_thing(description, 0, **{group: second}), 1, **{group: first})


def _set_ground(description: Description, rng: Rng) -> Description:
    return replace(description, ground=draw_wording(_pick(tuple(GROUNDS), rng), rng))


def _add_thing(description: Description, rng: Rng) -> Description:
    added = part_of(draw_thing(rng), rng, share=0.6)
    return replace(description, things=(*description.things, added)) if len(description.things) == 1 else description


def _set_relation(description: Description, rng: Rng) -> Description:
    return replace(description, relation=_pick(tuple(INVERSE), rng)) if len(description.things) == 2 else description


def _flip_relation(description: Description, rng: Rng) -> Description:
    return replace(description, relation=INVERSE[description.relation]) if description.relation else description


# Listed as often as they are to be drawn.
EDITS: dict[str, tuple[Callable[[Description, Rng], Description], ...]] = {
    NEUTRAL: (_add_attribute, _add_attribute, _add_attribute, _swap_attribute, _set_ground, _add_thing, _set_relation),
    CONTRADICTION: (
        _change_attribute,
        _change_attribute,
        _change_attribute,
        _change_class,
        _swap_attribute,
        _set_ground,
        _flip_relation,
    ),
}


def _draw_hypothesis(known: Claims, label: str, rng: Rng) -> Description:
    description = _part_of_claims(known, rng)
    if label == ENTAILMENT:
        return description
    if label == CONTRADICTION and rng.random() < 0.25:
        description = _add_attribute(description, rng)
    options = EDITS[label]
    return options[int(rng.integers(len(options)))](description, rng)


def write(description: Description, rng: Rng) -> str:
    """Return a caption, a sentence, or both, that say ``description``."""
    options = sentences(description)
    if options and (description.relation or rng.random() < 0.35):
        return _join([_pick(options, rng)], rng)
    texts = [caption(description, rng)]
    if description.relation:
        texts.append(_pick(sentences(replace(description, ground="")), rng))
    elif description.things and rng.random() < 0.12:
        texts.append(_pick(sentences(Description(description.things[:1])), rng))
    return _join(texts, rng)


def draw_pair(split: str, index: int, *, count: int, objects: int | None = None) -> Pair:
    """Return pair ``index`` of ``split``: labels take turns, the premise has ``count`` sentences after its caption, the
    scene ``objects`` objects.
    """
    scene, rng = draw_text_scene(split, index, f"nli-{count}", objects=objects)
    label = LABELS[index % len(LABELS)]
    # Some premises hardly allow the label that is wanted, so after some tries another one is drawn.
    while True:
        premise, known = draw_premise(scene, rng, count)
        for _ in range(TRIES):
            description = _draw_hypothesis(known, label, rng)
            if (description.things or description.ground) and judge_claims(known, claims(description)) == label:
                return Pair(premise, write(description, rng), label)
