"""Scenes of the embedded tabletop world as a source."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.packs.tabletop.world import CLASSES, Scene, make_scene, plan_scene


class TabletopSpec(Spec):
    """Scenes with one object.

    Attributes:
        split: Split of the world; ``train`` is what the models were trained on.
        start: First scene index.
        count: Number of scenes; classes are balanced.
        size: Side in pixels.
        least_radius: Smallest half extent of the object, as a share of the frame.
    """

    kind: Literal["tabletop"] = "tabletop"
    split: Literal["heldout", "shifted", "train"] = "heldout"
    start: int = Field(0, ge=0)
    count: int = Field(16, ge=1, le=1_000_000)
    size: int = Field(128, ge=32, le=1024)
    least_radius: float = Field(0.0, ge=0, le=0.25)


class TabletopSource(Source[LoadedSource]):
    """Renders scenes on demand; the record's image is their address."""

    name = "tabletop"
    licence = "Apache-2.0"
    spec_type = TabletopSpec
    shorthand = "tabletop[:SPLIT]"
    provides = "labelled"

    def __init__(self, spec: TabletopSpec) -> None:
        self.spec = spec

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        return {"split": rest} if rest else {}

    def records(self) -> Iterator[SourceRecord]:
        quota = math.ceil(self.spec.count / len(CLASSES))
        taken: Counter[str] = Counter()
        index = self.spec.start
        while taken.total() < self.spec.count:
            # Scenes that fit may be rare, or not exist at all.
            if index - self.spec.start > 2000 * self.spec.count + 10_000:
                raise SourceError(
                    f"found only {taken.total()} of {self.spec.count} scenes with an object of radius "
                    f"{self.spec.least_radius:g}",
                    where="source.least_radius",
                    fix="lower it; large objects reach 0.25",
                )
            # Planned only: most scenes are passed over, and pixels cost far more than plans.
            plan = plan_scene(self.spec.split, index)
            main = plan.objects[0]
            if len(plan.objects) == 1 and main.radius >= self.spec.least_radius and taken[main.name] < quota:
                taken[main.name] += 1
                yield self._record(index)
            index += 1

    def _record(self, index: int) -> SourceRecord:
        spec = self.spec
        scene = make_scene(spec.split, index, size=spec.size)
        main = scene.objects[0]
        return SourceRecord(
            id=f"{spec.split}-{index:06d}",
            image=f"tabletop:{spec.split}/{index}",
            mask=f"tabletop:{spec.split}/{index}",
            label=CLASSES.index(main.name),
            class_name=main.name,
            caption=scene.caption,
            width=spec.size,
            height=spec.size,
            sha256=pixel_digest(scene.image),
            mask_sha256=pixel_digest(_mask(scene)),
            licence=self.licence,
            attributes={"colour": main.colour, "size": main.size, "finish": main.finish, "ground": scene.ground},
        )

    def load(self, record: SourceRecord) -> LoadedSource:
        scene = scene_of(record, size=self.spec.size)
        loaded = LoadedSource(record, scene.image, _mask(scene))
        if pixel_digest(loaded.mask) != record.mask_sha256:
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.mask}: rendered with another mask than was listed")
        return loaded

    def ground(self, record: SourceRecord) -> Picture:
        return scene_of(record, size=self.spec.size).clean


def scene_of(record: SourceRecord, *, size: int) -> Scene:
    """Render the scene at a record's address, of ``size`` pixels a side.

    Raises:
        Unusable: Its pixels are not those that the record lists.
    """
    split, index = record.image.removeprefix("tabletop:").split("/")
    scene = make_scene(split, int(index), size=size)
    if pixel_digest(scene.image) != record.sha256:
        raise Unusable(Reason.SOURCE_CHANGED, f"{record.image}: rendered with other pixels than were listed")
    return scene


def pixel_digest(pixels: Picture) -> str:
    """Return the sha256 of pixels in row order."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _mask(scene: Scene) -> Mask:
    return np.where(scene.alphas[0] > 0.5, 255, 0).astype(np.uint8)
