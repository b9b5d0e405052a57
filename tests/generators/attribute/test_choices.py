from __future__ import annotations

from typing import Any

import pytest

from editmill.generators.attribute.choices import resolve
from editmill.generators.attribute.family import AttributeAsked, AttributeFamily
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.settings import AttributeSettings
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.manifests.errors import RequestError

ROLE = RoleEntry(cls="diffusers.StableDiffusionInpaintPipeline", path="inpaint", licence="Apache-2.0")
EDITS = [
    {"name": "original"},
    {"name": "round-trip"},
    {"name": "complexity", "levels": [-1, 1]},
    {"name": "background"},
    {"name": "random-background"},
    {"name": "full"},
    {"name": "size"},
]


def asked(
    source: str, *, worlds: tuple[str, ...] = ("tabletop*",), roles: Any = None, **settings: Any
) -> AttributeAsked:
    pack = PackSpec(
        name="toy",
        description="",
        backgrounds=("grass",),
        worlds=worlds,
        roles={"inpaint": ROLE} if roles is None else roles,
    )
    chosen = AttributeSettings.model_validate({"edits": EDITS, **settings})
    return AttributeAsked(chosen, GuardSettings(), 0, "png", pack, source_kind=source)


def names(settings: AttributeSettings) -> list[str]:
    return [edit.name for edit in settings.edits]


@pytest.mark.parametrize(
    ("source", "worlds"), [("tabletop", ("tabletop*",)), ("tabletop-own", ("tabletop*",)), ("folder", ())]
)
def test_a_pack_that_knows_the_source_removes_and_generates(source: str, worlds: tuple[str, ...]) -> None:
    settings, notices = resolve(asked(source, worlds=worlds))
    assert (settings.render.removal, settings.render.most_hole) == ("models", 1.0)
    # A pack of public models knows any picture, and takes it for a photograph.
    wanted = (0.2, 0.0, False) if worlds else (0.08, 0.05, True)
    assert (settings.render.dilation, settings.render.closing, settings.render.shadows) == wanted
    assert names(settings) == [edit["name"] for edit in EDITS]
    assert notices == []


def test_a_pack_that_does_not_know_the_source_leaves_out_what_it_would_generate() -> None:
    settings, notices = resolve(asked("folder"))
    assert (settings.render.removal, settings.render.dilation, settings.render.most_hole) == ("patches", 0.04, 0.4)
    assert names(settings) == ["original", "random-background", "full", "size"]
    assert len(notices) == 1
    assert "left out: round-trip, complexity, background\n" in notices[0]
    assert "unknown_world=make" in notices[0]


def test_faithful_mode_generates_the_background_of_all_that_is_not_copied() -> None:
    edits = [*(edit for edit in EDITS if edit["name"] != "background"), {"name": "resample"}]
    settings, _ = resolve(asked("folder", edits=edits, render={"mode": "faithful"}))
    assert names(settings) == ["original", "resample"]
    with pytest.raises(RequestError, match="none of the edits can be made: round-trip, complexity, random-background"):
        resolve(asked("folder", edits=edits[:-1], render={"mode": "faithful"}))


def test_left_out_edits_can_be_asked_for_and_patches_too() -> None:
    settings, notices = resolve(asked("folder", unknown_world="make", render={"removal": "models", "dilation": 0.1}))
    assert (settings.render.removal, settings.render.dilation) == ("models", 0.1)
    assert (len(settings.edits), notices) == (len(EDITS), [])
    patched, _ = resolve(asked("tabletop", render={"removal": "patches", "most_hole": 0.9}))
    assert (patched.render.removal, patched.render.dilation, patched.render.most_hole) == ("patches", 0.04, 0.9)


def test_a_pack_without_models_for_it_removes_by_patches() -> None:
    assert resolve(asked("tabletop", roles={}))[0].render.removal == "patches"


def test_nothing_left_to_make_is_refused() -> None:
    with pytest.raises(RequestError, match="none of the edits can be made: round-trip"):
        resolve(asked("folder", edits=[{"name": "round-trip"}]))


def test_choices_are_made_once() -> None:
    once, _ = resolve(asked("folder"))
    again, notices = resolve(asked("folder", **once.model_dump()))
    assert (again, notices) == (once, [])


def test_patches_need_no_inpainting() -> None:
    family = AttributeFamily()
    settings, _ = resolve(asked("folder"))
    assert "inpaint" not in family.roles(asked("folder", **settings.model_dump()))
    assert "inpaint" in family.roles(asked("folder", unknown_world="make", render={"removal": "patches"}))
    assert "inpaint" in family.roles(asked("tabletop"))


def test_backgrounds_of_no_step_are_refused_in_the_plan() -> None:
    with pytest.raises(RequestError, match=r"round-trip, complexity would run no step.* 0\.6 of 1 steps"):
        resolve(asked("tabletop", render={"steps": 1}))
    assert not resolve(asked("tabletop", render={"steps": 2}))[1]


def test_more_steps_than_the_sampler_knows_are_refused_in_the_plan() -> None:
    few = asked("tabletop", roles={"inpaint": ROLE.model_copy(update={"sampler": "lcm"})}, render={"steps": 51})
    with pytest.raises(RequestError, match="lcm of the pack 'toy' was trained on 50 steps, and 51 are asked for"):
        resolve(few)
