"""The fingerprint changes with whatever can change a byte, and with nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from editmill.generators.base.guards import GuardEntry
from editmill.generators.models.placement import Placement
from editmill.manifests.plugins import Registry
from editmill.pipelines.fingerprint import filled_by, identify, needed_roles
from editmill.pipelines.plan import Plan, calibration_records, content_digest
from editmill.pipelines.recipe import CalibrationSettings
from tests.pipelines.conftest import PLACEMENT, MakePlan


def test_prose_shards_folder_and_models_dir_stay_out(tiny_plan: MakePlan, photos: Path, tmp_path: Path) -> None:
    base = identify(tiny_plan(), PLACEMENT).fingerprint
    moved = tmp_path / "moved"
    shutil.copytree(photos.parent, moved)
    shutil.copy(photos, moved / "other.csv")
    assert identify(tiny_plan("description=other words"), PLACEMENT).fingerprint == base
    for name in ("labels.csv", "other.csv"):
        plan = tiny_plan(labels=moved / name)
        assert identify(plan, PLACEMENT).fingerprint == base
        # The recipe is part of the manifest.
        assert plan.recipe.portable("p") == tiny_plan().recipe.portable("p")
    assert identify(tiny_plan(), Placement(device="cpu", models_dir=tmp_path)).fingerprint == base


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "shards=3",
        "guard.attempts=4",
        "generator.render.steps=2",
        "generator.render.dilation=0.3",
        "output.image=webp",
        "version=1.0.1",
    ],
)
def test_settings_count(tiny_plan: MakePlan, override: str) -> None:
    assert identify(tiny_plan(override), PLACEMENT).fingerprint != identify(tiny_plan(), PLACEMENT).fingerprint


OTHER_BITS: dict[str, Any] = {"dtype": "bfloat16", "compile": True}


def test_precision_and_pixels_count(tiny_plan: MakePlan, photos: Path, tmp_path: Path) -> None:
    base = identify(tiny_plan(), PLACEMENT).fingerprint
    assert identify(tiny_plan(), Placement(device="cpu", dtype="bfloat16")).fingerprint != base
    assert identify(tiny_plan(), Placement(device="cpu", compile=True)).fingerprint != base
    other = tmp_path / "photos"
    shutil.copytree(photos.parent, other)
    shutil.copy(other / "masks/p1.png", other / "masks/p3.png")
    assert identify(tiny_plan(labels=other / "labels.csv"), PLACEMENT).fingerprint != base


def test_what_fills_holes_counts_for_kept_backgrounds_and_what_judges_does_not(tiny_plan: MakePlan) -> None:
    plan = tiny_plan()
    identity = identify(plan, PLACEMENT)

    def name(plan: Plan = plan, placement: Placement = PLACEMENT, **digests: str) -> str:
        models = tuple(one.model_copy(update={"digest": digests.get(one.role, one.digest)}) for one in identity.models)
        return filled_by(plan, replace(identity, models=models), placement)

    def role(**fields: Any) -> Plan:
        roles = {**plan.pack.roles, "inpaint": plan.pack.entry("inpaint").model_copy(update=fields)}
        return replace(plan, pack=plan.pack.model_copy(update={"roles": roles}))

    assert name(zero_shot="0" * 64) == name(plan=role(licence="another")) == name()
    others = [name(inpaint="0" * 64), name(role(sampler="lcm")), name(role(control="hole"))]
    others += [name(placement=replace(PLACEMENT, **{field: value})) for field, value in OTHER_BITS.items()]
    assert len({name(), *others}) == 1 + len(others)


def test_models_are_recorded_with_digests(tiny_plan: MakePlan) -> None:
    models = identify(tiny_plan(), PLACEMENT).models
    assert {record.role for record in models} == {"inpaint", "zero_shot"}
    assert all(len(record.digest) == 64 for record in models)


def test_labels_count(tiny_plan: MakePlan, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos"
    shutil.copytree(photos.parent, other)
    labels = other / "labels.csv"
    before = identify(tiny_plan(labels=labels), PLACEMENT).fingerprint
    labels.write_text(labels.read_text().replace("p0.png,0", "p0.png,5"))
    assert identify(tiny_plan(labels=labels), PLACEMENT).fingerprint != before


class Guard:
    """A factory of guards as far as the fingerprint knows it."""

    version = 1


def test_guards_of_installed_packages_count_with_their_versions(
    tiny_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan()
    guards = Registry[Any]("editmill.guards", "guard", {"own": "tests.pipelines.test_fingerprint:Guard"})
    monkeypatch.setattr("editmill.pipelines.fingerprint.GUARDS", guards)
    guarded = replace(plan, recipe=plan.recipe.model_copy(update={"guards": (GuardEntry(name="own"),)}))
    first = identify(guarded, PLACEMENT).fingerprint
    assert first != identify(plan, PLACEMENT).fingerprint
    monkeypatch.setattr(guards.get("own"), "version", 2)
    assert identify(guarded, PLACEMENT).fingerprint != first


def test_the_familys_version_counts(tiny_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan()
    before = identify(plan, PLACEMENT).fingerprint
    monkeypatch.setattr(type(plan.recipe.family), "version", plan.recipe.family.version + 1)
    assert identify(plan, PLACEMENT).fingerprint != before


def test_every_source_of_the_calibration_counts(tiny_plan: MakePlan) -> None:
    plan = tiny_plan()
    recipe = plan.recipe.model_copy(update={"calibration": CalibrationSettings(source=plan.recipe.source)})
    records = tuple(sample.source for sample in list(plan.samples())[:2])
    prints = {identify(replace(plan, recipe=recipe, calibration=records[:n]), PLACEMENT).fingerprint for n in (0, 1, 2)}
    assert len(prints) == 3
    # Guards are measured on objects with labels, so another mask or label gives other limits.
    for other in ({"mask_sha256": "0" * 64}, {"label": 3}):
        changed = (records[0], records[1].model_copy(update=other))
        prints.add(identify(replace(plan, recipe=recipe, calibration=changed), PLACEMENT).fingerprint)
    assert len(prints) == 5


def test_parts_are_models_too_and_the_names_of_unused_roles_count(tiny_plan: MakePlan) -> None:
    plan = tiny_plan()
    roles = plan.pack.roles
    inpaint = roles["inpaint"].model_copy(update={"parts": {"vae": "classifier"}})
    parted = replace(plan, pack=plan.pack.model_copy(update={"roles": {**roles, "inpaint": inpaint}}))
    assert needed_roles(plan) == ["inpaint", "zero_shot"]
    assert needed_roles(parted) == ["inpaint", "classifier", "zero_shot"]
    fewer = {name: entry for name, entry in roles.items() if name != "classifier"}
    lacking = replace(plan, pack=plan.pack.model_copy(update={"roles": fewer}))
    assert identify(lacking, PLACEMENT).fingerprint != identify(plan, PLACEMENT).fingerprint


def test_whatever_a_source_says_counts(tiny_plan: MakePlan) -> None:
    record = next(tiny_plan().samples()).source
    # Members and rows name files as records do.
    for other in ({"label": record.label + 1}, {"image": "other.png"}, {"mask": "other-mask.png"}):
        assert content_digest([record.model_copy(update=other)]) != content_digest([record])


def test_folders_of_absolute_paths_stay_out(tiny_plan: MakePlan) -> None:
    record = next(tiny_plan().samples()).source
    here, there = (
        record.model_copy(update={"image": f"/{folder}/a.png", "mask": f"/{folder}/m.png"}) for folder in "xy"
    )
    assert content_digest([here]) == content_digest([there])
    assert content_digest([here]) != content_digest([here.model_copy(update={"image": "/x/b.png"})])


def test_sources_that_can_not_be_used_are_left_out_of_the_calibration(
    tiny_plan: MakePlan, photos: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "photos"
    shutil.copytree(photos.parent, mine)
    recipe = tiny_plan(labels=mine / "labels.csv").recipe
    asked = recipe.model_copy(update={"calibration": CalibrationSettings(source=recipe.source)})
    assert len(calibration_records(asked)) == 4
    (mine / "images" / "p1.png").write_bytes(b"no picture")
    assert [record.id for record in calibration_records(asked)] == ["p0", "p2", "p3"]
