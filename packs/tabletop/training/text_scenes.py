"""What texts are drawn from: the content of a scene, and parts of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from editmill.packs.tabletop.world import CLASSES, COLOURS, FINISHES, GROUNDS, SIZES, SceneObject, plan_scene
from editmill.packs.tabletop.world.captions import ground_phrase
from editmill.packs.tabletop.world.scene import scene_rng
from editmill.packs.tabletop.world.sentences import GROUPS, INVERSE, Description, Thing

VALUES: dict[str, tuple[str, ...]] = {
    "size": tuple(size for size in SIZES if size),
    "colour": tuple(COLOURS),
    "finish": tuple(finish for finish in FINISHES if finish),
}
ATTRIBUTE_WORDS: tuple[str, ...] = tuple(word for words in VALUES.values() for word in words)
EXTRA_SHARE = 0.25


@dataclass(frozen=True)
class TextScene:
    """All that can be said of a scene: its objects with every named attribute, its family of ground, the first object's
    relation to the second.
    """

    things: tuple[Thing, ...]
    ground: str
    relation: str = ""


def draw_thing(rng: np.random.Generator) -> Thing:
    """Return an object with random attributes; sizes and finishes are unnamed in a third of the cases."""
    return Thing(
        *(values[int(rng.integers(len(values)))] for values in (CLASSES, tuple(SIZES), tuple(COLOURS), FINISHES))
    )


def relation_of(first: SceneObject, second: SceneObject) -> str:
    """Return where the first object is, seen from the second, along the axis on which their centres are further
    apart.
    """
    across, down = first.centre[0] - second.centre[0], first.centre[1] - second.centre[1]
    if abs(across) >= abs(down):
        return "left of" if across < 0 else "right of"
    return "above" if down < 0 else "below"


def text_scene(objects: tuple[SceneObject, ...], ground: str) -> TextScene:
    """Return what can be said of a scene with one or two objects."""
    things = tuple(Thing(item.name, item.size, item.colour, item.finish) for item in objects)
    return TextScene(things, ground, relation_of(*objects) if len(objects) == 2 else "")


def draw_text_scene(
    split: str, index: int, purpose: str, *, objects: int | None = None
) -> tuple[TextScene, np.random.Generator]:
    """Return scene ``index`` of ``split`` as text, and the random stream to write about it.

    Some scenes with one object get a second one that only texts know. ``objects`` fixes their number, so that a batch's
    texts can be of similar length: all such scenes get a second object, or all second objects are left out.
    """
    plan, rng = plan_scene(split, index), scene_rng(split, index, purpose)
    scene = text_scene(plan.objects, plan.ground)
    if objects == 1:
        return replace(scene, things=scene.things[:1], relation=""), rng
    if len(scene.things) == 1 and (objects == 2 or rng.random() < EXTRA_SHARE):
        scene = replace(
            scene, things=(*scene.things, draw_thing(rng)), relation=list(INVERSE)[int(rng.integers(len(INVERSE)))]
        )
    return scene, rng


def part_of(thing: Thing, rng: np.random.Generator, *, share: float) -> Thing:
    """Return the object with each attribute said with probability ``share``."""
    kept = rng.random(len(GROUPS)) < share
    return replace(thing, **{group: "" for group, keep in zip(GROUPS, kept, strict=True) if not keep})


def draw_wording(family: str, rng: np.random.Generator, *, share: float = 1.0) -> str:
    """Return a wording of the ground with probability ``share``, else ""."""
    assert family in GROUNDS
    return ground_phrase(family, rng) if rng.random() < share else ""


def draw_description(scene: TextScene, rng: np.random.Generator, *, share: float = 0.6) -> Description:
    """Return a random part of the scene that has sentences: one object, the ground, both objects, with or without the
    ground or the relation.
    """
    shape = rng.random()
    if shape < 0.12:
        return Description(ground=draw_wording(scene.ground, rng))
    if shape < 0.4 and len(scene.things) == 2:
        parts = tuple(part_of(thing, rng, share=share) for thing in scene.things)
        kind = int(rng.integers(3))
        if kind == 0 and parts[0] != parts[1]:
            return Description(parts, relation=scene.relation)
        return Description(parts, ground=draw_wording(scene.ground, rng, share=float(kind == 1)))
    thing = scene.things[int(rng.integers(len(scene.things)))]
    return Description((part_of(thing, rng, share=share),), draw_wording(scene.ground, rng, share=0.5))
