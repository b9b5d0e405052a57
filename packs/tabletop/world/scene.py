"""Scenes of the tabletop world with their exact truth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from editmill.manifests.arrays import Mask, Picture
from editmill.packs.tabletop.world.captions import ground_phrase, object_phrase, scene_caption
from editmill.packs.tabletop.world.grounds import paint_ground
from editmill.packs.tabletop.world.render import cast_shadow, composite, draw_object
from editmill.packs.tabletop.world.vocabulary import CLASSES, COLOURS, FINISHES, GROUNDS, SIZES, SPLITS, WORLD_VERSION

# Together a good quarter of the scenes show two objects of a class, which captions have to tell apart.
TWO_OBJECT_SHARE = 0.3
SIBLING_SHARE = 0.9


@dataclass(frozen=True)
class SceneObject:
    """One object's attributes and place; lengths are fractions of the frame, the angle is in radians."""

    name: str
    colour: str
    size: str
    finish: str
    centre: tuple[float, float]
    radius: float
    angle: float
    tint: tuple[float, float, float]

    def phrase(self, *, attributes: tuple[str, ...] = ("size", "colour", "finish")) -> str:
        """Return the noun phrase that names this object."""
        return object_phrase(self.name, self.colour, self.size, self.finish, attributes=attributes)


@dataclass(frozen=True)
class Scene:
    """A rendered scene.

    Attributes:
        image: Uint8 [S, S, 3] RGB.
        clean: The same ground without objects and shadows, uint8 [S, S, 3] RGB.
        alphas: One exact visible coverage per object, float32 [S, S] in [0, 1].
        boxes: Per object (left, top, right, bottom) in pixels, right and bottom exclusive.
        objects: Attributes per object; the first is the main one.
        ground: Ground family.
        caption: A full caption; ``plain_caption`` leaves out every attribute.
    """

    image: Picture
    clean: Picture
    alphas: tuple[Mask, ...]
    boxes: tuple[tuple[int, int, int, int], ...]
    objects: tuple[SceneObject, ...]
    ground: str
    caption: str
    plain_caption: str


def scene_rng(split: str, index: int, purpose: str = "scene") -> np.random.Generator:
    """Return the random stream of scene ``index`` of ``split``: a pure function of the world version and its
    arguments.
    """
    digest = hashlib.blake2b(f"tabletop|{WORLD_VERSION}|{split}|{index}|{purpose}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def _draw_attributes(rng: np.random.Generator, *, shifted: bool) -> dict[str, str]:
    names = list(COLOURS)
    while True:
        name = int(rng.integers(len(CLASSES)))
        colour = int(rng.integers(len(names)))
        # One diagonal of (class, colour) pairs never occurs in training and always in the shifted split.
        if ((name + colour) % len(CLASSES) == 0) == shifted:
            break
    return {
        "name": CLASSES[name],
        "colour": names[colour],
        "size": list(SIZES)[int(rng.integers(len(SIZES)))],
        "finish": FINISHES[int(rng.integers(len(FINISHES)))],
    }


def _draw_object(rng: np.random.Generator, *, shifted: bool, name: str = "") -> SceneObject:
    attributes = _draw_attributes(rng, shifted=shifted)
    if name:
        while attributes["name"] != name:
            attributes = _draw_attributes(rng, shifted=shifted)
    low, high = SIZES[attributes["size"]]
    radius = float(rng.uniform(low, high))
    # Objects lie wholly inside of the frame.
    margin = radius * 1.08 + 0.02
    centre = (float(rng.uniform(margin, 1 - margin)), float(rng.uniform(margin, 1 - margin)))
    tint = tuple(float(t) for t in rng.normal(0, 7, 3))
    return SceneObject(
        **attributes,
        centre=centre,
        radius=radius,
        angle=float(rng.uniform(0, 2 * np.pi)),
        tint=(tint[0], tint[1], tint[2]),
    )


def _place_objects(rng: np.random.Generator, *, shifted: bool) -> list[SceneObject]:
    first = _draw_object(rng, shifted=shifted)
    if rng.random() >= TWO_OBJECT_SHARE:
        return [first]
    sibling = first.name if rng.random() < SIBLING_SHARE else ""
    for _ in range(40):
        second = _draw_object(rng, shifted=shifted, name=sibling)
        if (
            # Apart, so that all of an object's coverage is visible.
            np.hypot(second.centre[0] - first.centre[0], second.centre[1] - first.centre[1])
            > (first.radius + second.radius) * 1.1
        ):
            return [first, second]
    return [first]


def object_box(alpha: Mask) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) in pixels of all coverage above zero, right and bottom exclusive."""
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 0), np.flatnonzero(alpha.max(axis=0) > 0)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True)
class ScenePlan:
    """What a scene holds, before any pixel is drawn; ``shadow`` is the strength of the contact shadows."""

    ground: str
    objects: tuple[SceneObject, ...]
    shadow: float
    caption: str
    plain_caption: str


def plan_scene(split: str, index: int) -> ScenePlan:
    """Draw the content of scene ``index`` of ``split``.

    Raises:
        ValueError: ``split`` is not one of the world's splits.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; the tabletop world has {', '.join(SPLITS)}")
    rng = scene_rng(split, index)
    family = list(GROUNDS)[int(rng.integers(len(GROUNDS)))]
    objects = _place_objects(rng, shifted=split == "shifted")
    shadow = float(rng.uniform(0.35, 0.55))
    ground = ground_phrase(family, rng)
    caption = scene_caption([item.phrase() for item in objects], ground, rng)
    plain = scene_caption([item.phrase(attributes=()) for item in objects], ground, rng)
    return ScenePlan(family, tuple(objects), shadow, caption, plain)


def make_scene(split: str, index: int, *, size: int = 128) -> Scene:
    """Render scene ``index`` of ``split`` at ``size`` pixels; content does not depend on the size.

    Raises:
        ValueError: ``split`` is not one of the world's splits.
    """
    return render_scene(plan_scene(split, index), split, index, size=size)


def render_scene(plan: ScenePlan, split: str, index: int, *, size: int = 128) -> Scene:
    """Render ``plan`` at ``size`` pixels on the ground of scene ``index`` of ``split``."""
    clean = paint_ground(plan.ground, scene_rng(split, index, "ground"), size, shifted=split == "shifted")
    image = clean
    layers = []
    for item in plan.objects:
        colours, alpha = draw_object(
            size,
            name=item.name,
            colour=item.colour,
            finish=item.finish,
            centre=item.centre,
            radius=item.radius,
            angle=item.angle,
            tint=np.asarray(item.tint, np.float32),
        )
        image = cast_shadow(image, alpha, item.radius, plan.shadow)
        layers.append((colours, alpha))
    # After all shadows, which thereby fall on the ground alone.
    for colours, alpha in layers:
        image = composite(image, colours, alpha)
    return Scene(
        image=np.rint(image.clip(0, 255)).astype(np.uint8),
        clean=np.rint(clean).astype(np.uint8),
        alphas=tuple(alpha for _, alpha in layers),
        boxes=tuple(object_box(alpha) for _, alpha in layers),
        objects=plan.objects,
        ground=plan.ground,
        caption=plan.caption,
        plain_caption=plan.plain_caption,
    )
