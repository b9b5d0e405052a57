"""Estimates beside what was measured with the embedded pack on scenes of 128 pixels."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from editmill.generators.models.pack import PackSpec
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe

SOURCES = 20
MODERN, FAITHFUL = ("imagenet-e",), ("imagenet-e", "generator.render.mode=faithful")


def estimate(recipe: str, *overrides: str, pack: PackSpec | None = None) -> dict[str, float]:
    plan = make_plan(load_recipe(recipe, overrides=[f"source.count={SOURCES}", *overrides]))
    asked = plan.recipe.asked(pack or plan.pack)
    return asdict(plan.recipe.family.estimate(asked, plan.samples()))


def per_source(value: str, recipe: tuple[str, ...], *edits: str) -> float:
    """What ``edits`` add per source to an object pasted back, which pays for the removal."""
    with_edits, without = (
        estimate(*recipe, f"generator.edits=[{', '.join(['{name: paste-back}', *some])}]")[value]
        for some in (edits, ())
    )
    return (with_edits - without) / SOURCES


def seconds(recipe: tuple[str, ...], *edits: str) -> float:
    return 60 * per_source("cpu_minutes", recipe, *edits)


@pytest.mark.parametrize("edit", ["{name: round-trip}", "{name: full}", "{name: size, levels: [0.05]}"])
def test_an_unguided_background_of_faithful_mode(edit: str) -> None:
    assert 1.3 <= seconds(FAITHFUL, edit) <= 1.6
    assert per_source("network_evaluations", FAITHFUL, edit) == 25


@pytest.mark.parametrize("edit", ["{name: complexity, levels: [20]}", "{name: adversarial, levels: [20]}"])
def test_a_guided_background_of_faithful_mode(edit: str) -> None:
    assert 2.8 <= seconds(FAITHFUL, "{name: round-trip}", edit) - seconds(FAITHFUL, "{name: round-trip}") <= 3.2
    # The round trip that it is compared with is made though nobody asked for it.
    assert per_source("network_evaluations", FAITHFUL, edit) == 25 + 49
    assert per_source("network_evaluations", FAITHFUL, "{name: round-trip}", edit) == 25 + 49


def test_all_columns_of_modern_mode() -> None:
    assert 9 <= 60 * estimate("imagenet-e")["cpu_minutes"] / SOURCES <= 12


def test_evaluations_of_modern_mode() -> None:
    # 16 steps with guidance by prompt: a removal runs all of them, a background the last nine.
    assert estimate("imagenet-e")["network_evaluations"] == SOURCES * (32 + 4 * 18)
    assert per_source("network_evaluations", MODERN, "{name: background}") == 32


def test_a_published_defect_guides_everything() -> None:
    assert estimate("imagenet-e-published")["network_evaluations"] == SOURCES * (32 + 11 * 49)


def test_a_pack_without_figures_has_no_minutes() -> None:
    assert estimate("imagenet-e", pack=find_pack("sd15"))["cpu_minutes"] == 0


def test_patches_ask_no_network_and_take_their_time_whatever_the_pack_says() -> None:
    # Ten photographs took 75 s of a core.
    plan = make_plan(load_recipe("imagenet-e", source="photographs"))
    for pack in (plan.pack, find_pack("sd15")):
        found = plan.recipe.family.estimate(plan.recipe.asked(pack), plan.samples())
        assert found.network_evaluations == 0
        assert 50 <= 60 * found.cpu_minutes <= 90
