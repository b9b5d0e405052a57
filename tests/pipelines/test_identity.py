"""What a sample is made from changes with what the sample reads, and with nothing else."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from editmill.generators.models.placement import Placement
from editmill.manifests.records import SourceRecord
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.identity import sample_inputs
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import ShardTask
from tests.benchmarks.plan_scale import made_up_records
from tests.pipelines.conftest import PLACEMENT

EDITS = "generator.edits=[{name: original}, {name: size, levels: [0.1, 0.05]}, {name: random-background}]"


def plan_of(labels: Path, *overrides: str) -> Plan:
    changes = (EDITS, "generator.render.removal=patches", *overrides)
    return make_plan(load_recipe("imagenet-e", source=f"folder:{labels}", overrides=changes))


def inputs_of(plan: Plan, placement: Placement = PLACEMENT) -> dict[str, str]:
    """Return the inputs of all samples by key."""
    identity, found = identify(plan, placement), dict[str, str]()
    for shard in plan.shards:
        task = ShardTask.for_plan(plan, shard.number, identity=identity, out=None, placement=placement)
        found |= {sample.key: sample.inputs for sample in task.planned()}
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {key for key in before.keys() & after.keys() if before[key] != after[key]}


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "version=2.0.0",
        "description=prose",
        "shards=3",
        "split=train",
        "generator.edits=[{name: size, levels: [0.05]}, {name: full}]",
    ],
)
def test_what_a_sample_does_not_read_is_not_in_its_inputs(photos: Path, override: str) -> None:
    before, after = inputs_of(plan_of(photos)), inputs_of(plan_of(photos, override))
    assert before.keys() & after.keys()
    assert not changed(before, after)


@pytest.mark.parametrize(
    "override",
    ["seed=1", "generator.render.feather=9", "guard.mask_iou=0.5", "output.image=webp", "classes=[cup, dog]"],
)
def test_what_all_samples_read_is_in_all_inputs(photos: Path, override: str) -> None:
    before = inputs_of(plan_of(photos, "classes=[cup, cat]"))
    assert changed(before, inputs_of(plan_of(photos, "classes=[cup, cat]", override))) == (
        # The embedded judges have a list of their own.
        set() if override.startswith("classes") else set(before)
    )


def test_samples_made_alone_keep_the_inputs_that_earlier_versions_gave_them(photos: Path) -> None:
    plan, inputs = plan_of(photos), inputs_of(plan_of(photos))
    common = identify(plan, PLACEMENT).common
    for sample in plan.samples():
        assert inputs[sample.key] == sha256(f"{common[sample.edit.name]} {sample.reads}".encode()).hexdigest()


def test_samples_made_together_change_together() -> None:
    family = SimpleNamespace(unit=lambda asked, sample: "pair")
    one, two, other = (SimpleNamespace(edit=SimpleNamespace(name="edit"), reads=reads) for reads in "abc")
    before, after = (sample_inputs(family, None, [one, with_it], {"edit": "common"}) for with_it in (two, other))
    assert before[0] != after[0]


def test_how_networks_compute_is_in_all_inputs(photos: Path) -> None:
    plan = plan_of(photos)
    ways: list[dict[str, Any]] = [{}, {"dtype": "bfloat16"}, {"batch": 2}, {"batch": 3}, {"compile": True}]
    placements = [Placement(device="cpu", **way) for way in ways]
    found = [inputs_of(plan, placement) for placement in placements]
    assert all(len({inputs[key] for inputs in found}) == len(ways) for key in found[0])
    assert len({identify(plan, placement).fingerprint for placement in placements}) == len(ways)
    assert inputs_of(plan, Placement(device="cpu", batch=1)) == found[0]


def test_a_changed_source_changes_its_own_samples_and_those_that_borrow_from_it(photos: Path, tmp_path: Path) -> None:
    mine = tmp_path / "photos"
    shutil.copytree(photos.parent, mine)
    before = inputs_of(plan_of(mine / "labels.csv"))
    shutil.copy(mine / "masks/p1.png", mine / "masks/p3.png")
    plan = plan_of(mine / "labels.csv")
    found = changed(before, inputs_of(plan))
    lent = {
        sample.key
        for sample in plan.samples()
        if "p3" in {one.id for one in (sample.source, sample.partner) if one is not None}
    }
    assert found == lent
    spared = [one for one in plan.samples() if "p3" in {spare.id for spare in one.spares}]
    assert {one.key for one in spared} - lent
    assert {"p3__original__0", "p3__size-01__0"} <= found
    assert not any(key.startswith("p0__size") for key in found)


def test_what_depends_on_other_samples_changes_with_them() -> None:
    few, more = (
        inputs_of(make_plan(load_recipe("xmai", overrides=("source.count=2", f"generator.edits=[{edits}]"))))
        for edits in ("{name: grounded}", "{name: grounded}, {name: naive}")
    )
    # The edits of a caption take over each other's slots.
    assert changed(few, more) == set(few)


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_of_many_sources_few_samples_change_with_a_few(count: int) -> None:
    few = count // 200
    old = list(made_up_records(count + few))
    changed = {one.id for one in old[few : few + 2 * few]}
    new = [one.model_copy(update={"sha256": "f" * 64}) if one.id in changed else one for one in old]
    before, after = (inputs_of(planned(records)) for records in (old[:count], new[few:]))
    touched = changed | {one.id for one in (*old[:few], *old[count:])}
    remade = {key for key in after if after[key] != before.get(key)}
    lent = {key for key in remade if key.split("__")[0] not in touched}
    assert len(touched) == 4 * few
    assert {key.split("__")[1] for key in lent} == {"random-background"}
    assert 0 < len(lent) <= 0.003 * len(after)


def planned(records: list[SourceRecord]) -> Plan:
    source = SimpleNamespace(name="made-up", licence="", where="nowhere", records=lambda: iter(records))
    with patch("editmill.pipelines.plan.open_source", lambda spec, needs: source):
        return make_plan(load_recipe("imagenet-e"))
