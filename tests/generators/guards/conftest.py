"""Scenes of the tabletop world and the embedded models, for guards that look with a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.base.edits import make_edit
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.composite import compose, matte
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Picture
from editmill.manifests.records import SourceRecord
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.world import CLASSES, make_scene


@dataclass(frozen=True)
class Toy:
    """One scene as a source, and its bare ground."""

    source: LoadedSource
    ground: Picture

    @property
    def alpha(self) -> Picture:
        """The object's alpha in its place."""
        return matte(self.source.mask.astype(np.float32) / 255)

    def job(self, name: str, *, level: float = 0.0, partner: LoadedSource | None = None) -> EditJob:
        """A job of this source."""
        return EditJob(f"{name}-0", self.source, make_edit("attribute", name, level=level), 0, partner=partner)

    def composite(self, *, removed: Picture | None = None) -> Candidate:
        """The object on its bare ground."""
        image = compose(self.source.image, self.ground, self.alpha)
        return Candidate(
            image, self.alpha, self.source.image, removed=removed, parameters={"matrix": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}
        )


def toy(index: int) -> Toy:
    """Held-out scene ``index``, which has to hold one object."""
    scene = make_scene("heldout", index)
    assert len(scene.objects) == 1
    name = scene.objects[0].name
    record = SourceRecord(
        id=f"toy-{index}",
        image="scene",
        mask="scene",
        label=CLASSES.index(name),
        class_name=name,
        width=128,
        height=128,
        sha256=f"{index:064x}",
        mask_sha256=f"{index + 1:064x}",
    )
    return Toy(LoadedSource(record, scene.image, np.where(scene.alphas[0] > 0.5, 255, 0).astype(np.uint8)), scene.clean)


@pytest.fixture(scope="session")
def toys() -> tuple[Toy, ...]:
    """Three scenes with objects of different classes, well inside the frame."""
    return tuple(toy(index) for index in (2, 4, 5))


@pytest.fixture(scope="session")
def tabletop() -> Models:
    """The embedded pack's models."""
    return Models(read_pack(PACK), Placement(device="cpu"))
