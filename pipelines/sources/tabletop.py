"""Scenes of the embedded tabletop world as a source."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from editmill.generators.base import LoadedSource
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.packs.tabletop.world import CLASSES, Scene, make_scene, plan_scene


class TabletopSpec(BaseModel):
    """Scenes with one object.

    Attributes:
        split: Split of the world; ``train`` is what the models were trained on.
        start: First scene index.
        count: Number of scenes; classes are balanced.
        size: Side in pixels.
        least_radius: Smallest half extent of the object, as a share of the frame.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["tabletop"] = "tabletop"
    split: Literal["heldout", "shifted", "train"] = "heldout"
    start: int = Field(0, ge=0)
    count: int = Field(16, ge=1)
    size: int = Field(128, ge=32, le=1024)
    least_radius: float = Field(0.0, ge=0, le=0.25)


class TabletopSource:
    """Renders scenes on demand; the record's image is their address."""

    name = "tabletop"
    licence = "Apache-2.0"

    def __init__(self, spec: TabletopSpec) -> None:
        self.spec = spec

    def records(self) -> Iterator[SourceRecord]:
        quota = math.ceil(self.spec.count / len(CLASSES))
        taken: Counter[str] = Counter()
        index = self.spec.start
        while taken.total() < self.spec.count:
            if index - self.spec.start > 2000 * self.spec.count + 10_000:
                raise SourceError(
                    f"found only {taken.total()} of {self.spec.count} scenes with an object of radius "
                    f"{self.spec.least_radius:g}",
                    where="source.least_radius",
                    fix="lower it; large objects reach 0.25",
                )
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
            sha256=hashlib.sha256(scene.image.tobytes()).hexdigest(),
            mask_sha256=hashlib.sha256(_mask(scene).tobytes()).hexdigest(),
            licence=self.licence,
            attributes={"colour": main.colour, "size": main.size, "finish": main.finish, "ground": scene.ground},
        )

    def load(self, record: SourceRecord) -> LoadedSource:
        scene = self.scene(record)
        return LoadedSource(record, scene.image, _mask(scene))

    def scene(self, record: SourceRecord) -> Scene:
        """Return the scene at a record's address, with its true masks and ground."""
        split, index = record.image.removeprefix("tabletop:").split("/")
        return make_scene(split, int(index), size=self.spec.size)


def _mask(scene: Scene) -> np.ndarray:
    return np.where(scene.alphas[0] > 0.5, 255, 0).astype(np.uint8)
