"""A refreshed dataset is that of a fresh build in the families whose samples depend on each other, or on a guard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from editmill.packs.tabletop.world import CLASSES
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import Recipe, load_recipe
from tests.pipelines.conftest import PLACEMENT
from tests.pipelines.test_refresh import OF_REFRESH, refresh
from tests.pipelines.test_reuse import files

# A list of classes that the sources do not change.
JUDGED = (f"classes=[{','.join(CLASSES)}]", "calibration=null", "source.count=3")
CASES = {
    "fmr": (
        *JUDGED,
        "source.size=64",
        "generator.networks=[vq]",
        "generator.targets=[classifier_weak]",
        "generator.budget=1",
        "generator.oracle=zero_shot",
    ),
    "imagenet-g": (*JUDGED, "generator.quota=1", "generator.steps=1", "generator.conditionings=[{name: text}]"),
    "watermark": (
        "source.count=2",
        "generator.steps=2",
        "generator.schemes=[{name: dwtDctSvd}]",
        "generator.attacks=[{name: vae, start: vae}]",
    ),
    "xmai": ("source.count=3",),
}


def recipe_of(name: str, start: int) -> Recipe:
    """Return a recipe of few scenes from ``start`` on."""
    return load_recipe(name, overrides=(*CASES[name], f"source.start={start}", "shards=2", "version=1.0.0"))


@pytest.mark.parametrize("name", ["fmr", *(pytest.param(one, marks=pytest.mark.slow) for one in CASES if one != "fmr")])
def test_the_version_is_the_fresh_build(name: str, tmp_path: Path) -> None:
    root, fresh = tmp_path / "root", tmp_path / "fresh"
    assert refresh(recipe_of(name, 0), root) == "1.0.0"
    used = {sample.source.id for sample in make_plan(recipe_of(name, 0)).samples()}
    # Without the first scene, whose place another one takes.
    recipe = recipe_of(name, 1 + min(int(one.rpartition("-")[2]) for one in used))
    version = refresh(recipe, root)
    build(prepare(make_plan(recipe.model_copy(update={"version": version})), fresh, PLACEMENT), progress=False)
    new, made = files(root / "versions" / version), files(fresh)
    assert {path for path in new.keys() | made.keys() if new.get(path) != made.get(path)} == OF_REFRESH
    counts = json.loads(new["changes.json"])["counts"]
    assert min(counts[one] for one in ("kept", "added", "removed")) > 0
