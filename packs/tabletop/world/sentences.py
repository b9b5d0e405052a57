"""Texts about a scene beyond its caption: partial captions, and sentences that are true of the scene and use given
keywords.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from editmill.packs.tabletop.world.captions import object_phrase, scene_caption

GROUPS: tuple[str, ...] = ("size", "colour", "finish")
# A relation of the first object to the second, and the same fact told from the second.
INVERSE: dict[str, str] = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

# Fields: {a} and {the} are the first object, {a2} and {the2} the second, {ground} the ground with its article, {on} the
# definite ground, {there} is "there is", or "there are" before a plural ground.
THING: tuple[str, ...] = (
    "there is {a} in the scene.",
    "the scene shows {a}.",
    "one can see {a} here.",
    "{a} can be seen.",
    "the picture also shows {a}.",
    "in the picture there is {a}.",
)
PREDICATES: dict[str, tuple[str, ...]] = {
    "size": ("the {name} is {size}.", "the size of the {name} is {size}."),
    "colour": ("the {name} is {colour}.", "the colour of the {name} is {colour}."),
    "finish": ("the {name} has a {finish} finish.", "the finish of the {name} is {finish}."),
}
THING_ON_GROUND: tuple[str, ...] = (
    "{the} stands on {on}.",
    "{the} rests on {on}.",
    "{a} lies on {on}.",
    "on {on} there is {a}.",
    "under {the} {there} {ground}.",
    "{the} can be seen on {on}.",
)
GROUND: tuple[str, ...] = ("the ground is {ground}.", "everything stands on {on}.", "the scene is set on {on}.")
RELATION: tuple[str, ...] = (
    "{the} is {relation} {the2}.",
    "{the} can be seen {relation} {the2}.",
    "{relation} {the2} there is {a}.",
)
PAIR: tuple[str, ...] = (
    "the scene shows {a} and {a2}.",
    "{a} and {a2} can be seen together.",
    "{the} and {the2} are both here.",
)
PAIR_ON_GROUND: tuple[str, ...] = (
    "{the} and {the2} stand on {on}.",
    "{a} and {a2} rest on {on}.",
    "on {on} there are {a} and {a2}.",
)


@dataclass(frozen=True)
class Thing:
    """What a text says of one object; an attribute that it leaves out is empty."""

    name: str
    size: str = ""
    colour: str = ""
    finish: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes that are said, by group, in the order of the grammar."""
        return {group: getattr(self, group) for group in GROUPS if getattr(self, group)}

    def indefinite(self) -> str:
        """Return the phrase with its indefinite article."""
        return object_phrase(self.name, self.colour, self.size, self.finish)

    def definite(self) -> str:
        """Return the phrase with "the"."""
        return " ".join(["the", *self.attributes.values(), self.name])


@dataclass(frozen=True)
class Description:
    """The content of one text: at most two objects, a wording of the ground or "", the relation of the first object to
    the second or "".
    """

    things: tuple[Thing, ...] = ()
    ground: str = ""
    relation: str = ""


def bare_ground(wording: str) -> str:
    """Return the wording of a ground without its article."""
    return wording.removeprefix("a ")


def keywords(description: Description) -> tuple[str, ...]:
    """Return the words that a sentence on ``description`` has to use: each object's attributes and name, the relation
    between them, the ground.
    """
    words: list[str] = []
    for position, thing in enumerate(description.things):
        if position and description.relation:
            words.append(description.relation.split()[0])
        words += [*thing.attributes.values(), thing.name]
    return (*words, bare_ground(description.ground)) if description.ground else tuple(words)


def _templates(description: Description) -> tuple[str, ...]:
    things = description.things
    if not things:
        return GROUND
    if len(things) == 2:
        if description.relation:
            return () if description.ground else RELATION
        return PAIR_ON_GROUND if description.ground else PAIR
    if description.ground:
        return THING_ON_GROUND
    said = list(things[0].attributes)
    return THING + (PREDICATES[said[0]] if len(said) == 1 else ())


def sentences(description: Description) -> tuple[str, ...]:
    """Return every sentence of the grammar that says exactly ``description``.

    None for a relation together with a ground.
    """
    fields = {
        "ground": description.ground,
        "on": f"the {bare_ground(description.ground)}",
        "relation": description.relation,
        # "red bricks" are plural, "green grass" is not.
        "there": "there are"
        if description.ground.endswith("s") and not description.ground.endswith("ss")
        else "there is",
    }
    for suffix, thing in zip(("", "2"), description.things, strict=False):
        fields |= {f"a{suffix}": thing.indefinite(), f"the{suffix}": thing.definite()}
    if description.things:
        first = description.things[0]
        fields |= {"name": first.name, **first.attributes}
    return tuple(template.format(**fields) for template in _templates(description))


def caption(description: Description, rng: np.random.Generator) -> str:
    """Return a caption in the wording of scene captions; the relation is left out."""
    phrases = [thing.indefinite() for thing in description.things]
    if description.ground:
        return scene_caption(phrases, description.ground, rng)
    return scene_caption([], " and ".join(phrases), rng)


def sentence_words() -> list[str]:
    """Return every word of the templates, sorted."""
    templates = (*THING, *sum(PREDICATES.values(), ()), *THING_ON_GROUND, *GROUND, *RELATION, *PAIR, *PAIR_ON_GROUND)
    text = " ".join((*templates, *INVERSE)).replace(".", "")
    return sorted({word for word in text.split() if "{" not in word})
