"""A build that takes seconds: three sources, two edits, one sampling step, and samples in both of its shards."""

from __future__ import annotations

import json
from pathlib import Path

from editmill.generators.models.placement import Placement
from editmill.pipelines.build import Prepared, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe

RECIPE = "demo"
OVERRIDES = [
    "source.count=3",
    "generator.render.steps=1",
    "generator.edits=[{name: original}, {name: size, levels: [0.05]}]",
]
SAMPLES = 6


def tiny_prepared(out: Path) -> Prepared:
    """The same build as the flow prepares, with ``out`` taken for it."""
    return prepare(make_plan(load_recipe(RECIPE, overrides=OVERRIDES)), out, Placement(device="cpu"))


def tiny_arguments(out: Path) -> list[str]:
    """The same build as arguments of ``prefect deployment run``."""
    values = {"recipe": RECIPE, "out": str(out), "device": "cpu", "overrides": json.dumps(OVERRIDES)}
    return [argument for name, value in values.items() for argument in ("-p", f"{name}={value}")]
