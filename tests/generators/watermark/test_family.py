"""What the pipelines ask of the family: names, roles, members, costs; without any model library."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from editmill.generators.base.family import Asked
from editmill.generators.base.samples import PlannedSample
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.watermark.family import WatermarkFamily
from editmill.generators.watermark.settings import WatermarkGuardSettings, WatermarkSettings
from editmill.manifests.records import SourceRecord

FAMILY = WatermarkFamily()
CLEAN, VAE, NONE = ({"name": start, "start": start} for start in ("clean", "vae", "none"))


def asked(*roles: str, **changes: Any) -> Asked[WatermarkSettings, WatermarkGuardSettings]:
    entries = {role: RoleEntry(cls="diffusers.X", path=role, licence="none") for role in roles}
    pack = PackSpec(name="p", description="", backgrounds=(), roles=entries, cpu_seconds_per_evaluation=6)
    small = {"schemes": [{"name": "dwtDct"}], "attacks": [NONE, VAE, CLEAN], "steps": 10, **changes}
    return Asked(WatermarkSettings.model_validate(small), WatermarkGuardSettings(), 0, "png", pack)


def planned(one: Asked[WatermarkSettings, WatermarkGuardSettings], *, side: int = 200) -> list[PlannedSample]:
    record = SourceRecord(id="s", image="", label=7, class_name="dog", width=side, height=side, sha256="")
    return list(FAMILY.plan(one, [record]))


def test_edits_are_the_attacks_and_labels_say_what_was_marked() -> None:
    assert FAMILY.edit_names(asked().settings) == ("none", "vae", "clean")
    assert FAMILY.class_names([]) == {0: "unmarked", 1: "watermarked"}


@pytest.mark.parametrize(
    ("attacks", "has", "roles"),
    [
        ([NONE], (), []),
        ([NONE], ("image_encoder",), ["image_encoder"]),
        ([VAE], (), ["autoencoder"]),
        ([VAE], ("text_to_image", "autoencoder"), ["text_to_image"]),
        ([CLEAN, VAE], ("text_to_image",), ["text_to_image", "controlnet", "image_adapter"]),
    ],
)
def test_roles_are_those_of_what_runs(attacks: list[dict[str, str]], has: tuple[str, ...], roles: list[str]) -> None:
    assert FAMILY.roles(asked(*has, attacks=attacks)) == roles


def test_members_are_fewer_without_originals() -> None:
    assert FAMILY.members(asked()) == ("cls", "input.png", "json", "png", "source.png")
    assert FAMILY.members(asked(originals="reference")) == ("cls", "json", "png")


def test_costs_are_those_of_steps_passes_and_pixels_in_the_frame() -> None:
    attacks = [NONE, {"name": "s", "start": "partial", "n_steps": 3, "passes": 2}]
    one = asked(attacks=attacks, guidance=2)
    found = FAMILY.estimate(one, iter(planned(one)))
    assert found.network_evaluations == 2 * (2 * 3 * 2)
    assert found.megabytes == round(4 * 200 * 200 * 4.5 / 1e6, 3)
    assert found.cpu_minutes == round(6 * (24 + 4 * 4) / 60, 2)
    cropped = asked(attacks=attacks, side=100, fit="crop", originals="reference")
    assert FAMILY.estimate(cropped, planned(cropped)).megabytes == round(4 * 100 * 100 * 1.5 / 1e6, 3)
    shrunk = asked(attacks=attacks, side=100)
    assert FAMILY.estimate(shrunk, planned(shrunk)).megabytes == round(4 * 100 * 100 * 4.5 / 1e6, 3)


def test_pictures_are_stored_as_png_alone() -> None:
    FAMILY.check(asked())
    with pytest.raises(ValueError, match="attacked pictures are stored as png; what a codec does"):
        FAMILY.check(replace(asked(), image="webp"))
