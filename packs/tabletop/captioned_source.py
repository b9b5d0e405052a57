"""Scenes of the embedded tabletop world with captions that leave attributes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from editmill.generators.base.loaded import CaptionedImage, GoldObject
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.records import CaptionRecord, SourceRecord
from editmill.packs.tabletop.source import pixel_digest, scene_of
from editmill.packs.tabletop.world import COLOURS, FINISHES, SIZES, make_scene, plan_scene
from editmill.packs.tabletop.world.captions import ground_phrase
from editmill.packs.tabletop.world.scene import ScenePlan, scene_rng
from editmill.packs.tabletop.world.sentences import Description, Thing, caption

ENTAILMENT, CONTRADICTION, UNLABELLED = 0, 2, -1
SENTENCE_SHARE = 0.1
# The world's groups under the names of caption edits.
GROUPS = {"size": "size", "colour": "colour", "finish": "material"}
VALUES: dict[str, tuple[str, ...]] = {"size": tuple(SIZES), "colour": tuple(COLOURS), "finish": FINISHES}


class TabletopCaptionsSpec(Spec):
    """Scenes with one or two objects, and captions of them.

    Attributes:
        split: Split of the world; ``train`` is what the models were trained on.
        start: First scene index; the default is beyond all that checks, calibration and other recipes use.
        count: Number of scenes.
        size: Side in pixels.
        captions: Captions per scene.
        mention: Probability that a caption says an attribute that the object has.
        contradictions: Share of captions that say one attribute wrong; above 0, captions are labelled as entailed or
            contradicted.
    """

    kind: Literal["tabletop-captions"] = "tabletop-captions"
    split: Literal["heldout", "shifted", "train"] = "heldout"
    start: int = Field(30_000, ge=0)
    count: int = Field(64, ge=1, le=1_000_000)
    size: int = Field(128, ge=32, le=1024)
    captions: int = Field(1, ge=1, le=20)
    mention: float = Field(0.4, ge=0, le=1)
    contradictions: float = Field(0.0, ge=0, le=1)


class TabletopCaptionsSource(Source[CaptionedImage]):
    """Renders scenes on demand; the record's image is their address, and every caption is a function of it."""

    name = "tabletop-captions"
    licence = "Apache-2.0"
    spec_type = TabletopCaptionsSpec
    shorthand = "tabletop-captions[:SPLIT]"
    provides = "captions"

    def __init__(self, spec: TabletopCaptionsSpec) -> None:
        self.spec = spec

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        return {"split": rest} if rest else {}

    def records(self) -> Iterator[SourceRecord]:
        spec = self.spec
        for index in range(spec.start, spec.start + spec.count):
            plan = plan_scene(spec.split, index)
            address = f"tabletop:{spec.split}/{index}"
            yield SourceRecord(
                id=f"{spec.split}-{index:06d}",
                image=address,
                label=UNLABELLED,
                class_name="",
                caption=plan.caption,
                captions=tuple(self._caption(plan, index, number) for number in range(spec.captions)),
                width=spec.size,
                height=spec.size,
                sha256=pixel_digest(make_scene(spec.split, index, size=spec.size).image),
                licence=self.licence,
            )

    def _caption(self, plan: ScenePlan, index: int, number: int) -> CaptionRecord:
        rng = scene_rng(self.spec.split, index, f"captions-{number}")
        things = [self._thing(plan, place, rng) for place in range(len(plan.objects))]
        label = UNLABELLED
        if self.spec.contradictions:
            label = CONTRADICTION if rng.random() < self.spec.contradictions else ENTAILMENT
        if label == CONTRADICTION:
            things[0] = self._falsified(plan, things[0], rng)
        if len(things) == 2 and rng.random() < 0.3:
            things = things[:1]
        text = caption(Description(tuple(things), ground_phrase(plan.ground, rng)), rng)
        if rng.random() < SENTENCE_SHARE:
            text = f"{text[0].upper()}{text[1:]}."
        return CaptionRecord(id=str(number), text=text, label=label)

    def _thing(self, plan: ScenePlan, place: int, rng: np.random.Generator) -> Thing:
        item = plan.objects[place]
        kept = {group: getattr(item, group) if rng.random() < self.spec.mention else "" for group in VALUES}
        return Thing(item.name, **kept)

    def _falsified(self, plan: ScenePlan, thing: Thing, rng: np.random.Generator) -> Thing:
        """Return the same with one attribute that no object of this kind in the scene has."""
        wrong = {}
        for group, values in VALUES.items():
            # The empty value is no word that a caption could say.
            true = {"", *(getattr(item, group) for item in plan.objects if item.name == thing.name)}
            wrong[group] = [value for value in values if value not in true]
        groups = [group for group in VALUES if wrong[group]]
        group = groups[int(rng.integers(len(groups)))]
        return replace(thing, **{group: wrong[group][int(rng.integers(len(wrong[group])))]})

    def load(self, record: SourceRecord) -> CaptionedImage:
        scene = scene_of(record, size=self.spec.size)
        objects = tuple(
            GoldObject(
                item.name,
                (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                {GROUPS[group]: getattr(item, group) for group in GROUPS},
            )
            for item, box in zip(scene.objects, scene.boxes, strict=True)
        )
        return CaptionedImage(record, scene.image, objects)
