"""Fixtures of the pipelines' tests: plans with a pack of tiny random checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from editmill.generators.models.placement import Placement
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe

PLACEMENT = Placement(device="cpu")
EVERY_EDIT = (
    "generator.edits=[{name: original}, {name: paste-back}, {name: size, levels: [0.1, 0.05]}, {name: full}, {name: "
    "position},"
    " {name: direction}, {name: background, count: 2}, {name: random-background}]"
)
MakePlan = Callable[..., Plan]


@pytest.fixture(scope="session")
def tiny_plan(tiny_pack: Path, photos: Path) -> MakePlan:
    """Makes a plan of every edit over the photographs with the tiny pack; takes overrides."""

    def make(*overrides: str, labels: Path = photos) -> Plan:
        changes = (EVERY_EDIT, "generator.render.steps=1", "generator.render.max_upsampling=9", *overrides)
        return make_plan(load_recipe("imagenet-e", source=f"folder:{labels}", models=str(tiny_pack), overrides=changes))

    return make
