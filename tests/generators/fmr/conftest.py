"""The embedded pack and small scenes of its world."""

from __future__ import annotations

import pytest

from editmill.generators.fmr.oracle import Subject
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.world import CLASSES, make_scene

SIDE = 64


@pytest.fixture(scope="session")
def tabletop() -> Models:
    """The embedded pack on the CPU."""
    return Models(read_pack(PACK), Placement(device="cpu"))


@pytest.fixture(scope="session")
def subjects() -> list[Subject]:
    """Five held-out scenes."""
    scenes = [make_scene("heldout", index, size=SIDE) for index in range(31000, 31005)]
    names = [scene.objects[0].name for scene in scenes]
    return [
        Subject(f"scene-{number}", scene.image, CLASSES.index(name), name)
        for number, (scene, name) in enumerate(zip(scenes, names, strict=True))
    ]
