"""What bytes depend on is carried from the plan to the workers, and stands in the fingerprint; paths do neither."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import RecipeError
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.reader import open_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.fingerprint import PACK_EXCLUDED, identify
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe, recipe_names
from editmill.pipelines.shard import ShardTask, sample_builder
from tests.manifests.test_guard_report import make_report
from tests.pipelines.conftest import PLACEMENT, MakePlan
from tests.pipelines.photos import write_photos

FEW = "generator.edits=[{name: original}, {name: size, levels: [0.05]}, {name: background}]"
CHANGED: dict[str, Any] = {
    "worlds": ("photographs",),
    "name": "another",
    "backgrounds": ("a lawn",),
    "removal_prompt": "nothing at all",
    "guidance": 7.5,
    "steps": 3,
    "attributes": {"colour": {"words": ("red", "blue")}},
    "object_sizes": {"ball": {"mask": 0.1, "box": 0.2}},
}


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("test/*")) if path.suffix in (".tar", ".parquet")}


def change_pack(path: Path, **fields: Any) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **fields}))


@pytest.fixture
def own_pack(tiny_pack: Path, tmp_path: Path) -> Path:
    """A copy of the tiny pack that a test may change."""
    shutil.copytree(tiny_pack.parent, tmp_path / "own")
    return tmp_path / "own" / tiny_pack.name


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pack_that_is_edited_after_planning_changes_no_byte(
    tiny_plan: MakePlan, own_pack: Path, tmp_path: Path, workers: int
) -> None:
    # One shard, so that there is one process to start beside this one.
    plan = tiny_plan(FEW, "shards=1", f"models={own_pack}")
    build(prepare(plan, tmp_path / "before", PLACEMENT), progress=False)
    prepared = prepare(plan, tmp_path / "after", PLACEMENT)
    change_pack(own_pack, guidance=1.0, removal_prompt="a red ball", backgrounds=["a red ball"])
    build(prepared, workers=workers, progress=False)
    assert shards(tmp_path / "after") == shards(tmp_path / "before")


@cache
def small_plan(recipe: str) -> Plan:
    return make_plan(load_recipe(recipe, overrides=("source.count=2",)))


@pytest.mark.parametrize("field", sorted(PackSpec.model_fields.keys() - PACK_EXCLUDED.keys()))
@pytest.mark.parametrize("recipe", ["imagenet-e", "xmai", "watermark", "fmr", "imagenet-g"])
def test_every_fact_of_a_pack_counts_in_every_family(recipe: str, field: str) -> None:
    plan = small_plan(recipe)
    changed = PackSpec.model_validate({**plan.pack.model_dump(), field: CHANGED[field]})
    assert identify(_with(plan, changed), PLACEMENT).fingerprint != identify(plan, PLACEMENT).fingerprint


@pytest.mark.parametrize(("field", "value"), [("vocabulary", ("ball",)), ("prompt", "some {}"), ("cls", "x.Y")])
def test_every_fact_of_a_used_role_counts(field: str, value: Any) -> None:
    plan = small_plan("imagenet-e")
    entry = plan.pack.entry("zero_shot").model_copy(update={field: value})
    pack = plan.pack.model_copy(update={"roles": {**plan.pack.roles, "zero_shot": entry}})
    assert identify(_with(plan, pack), PLACEMENT).fingerprint != identify(plan, PLACEMENT).fingerprint


def _with(plan: Plan, pack: PackSpec) -> Plan:
    return replace(plan, pack=pack)


def test_equal_packs_in_two_folders_give_one_dataset_without_their_paths(
    tiny_plan: MakePlan, tiny_pack: Path, own_pack: Path, tmp_path: Path
) -> None:
    plans = [tiny_plan(FEW, f"models={pack}") for pack in (tiny_pack, own_pack)]
    assert len({identify(plan, PLACEMENT).fingerprint for plan in plans}) == 1
    for name, plan in zip(("first", "second"), plans, strict=True):
        build(prepare(plan, tmp_path / name, PLACEMENT), progress=False)
    for name in (MANIFEST, "recipe.yaml", "samples.parquet"):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("first", "second"))
        assert first == second
        assert str(tmp_path).encode() not in second


def test_a_second_build_in_one_process_reads_where_the_files_are_now(tiny_plan: MakePlan, tmp_path: Path) -> None:
    labels = write_photos(tmp_path / "here", 4)
    build(prepare(tiny_plan(FEW, labels=labels), tmp_path / "out", PLACEMENT), progress=False)
    before = shards(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = tiny_plan(FEW, labels=tmp_path / "there" / "labels.csv")
    build(prepare(moved, tmp_path / "out", PLACEMENT), progress=False)
    assert shards(tmp_path / "out") == before


def test_another_recipe_has_another_builder(tiny_plan: MakePlan) -> None:
    plans = (tiny_plan(FEW), tiny_plan(FEW), tiny_plan(FEW, "seed=1"))
    first, same, other = (
        sample_builder(ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT))
        for plan in plans
    )
    assert first is same
    assert first is not other


def test_makers_get_what_was_planned_and_calibrated() -> None:
    plan = make_plan(load_recipe("fmr", overrides=("source.count=8", "generator.style={sources: 2}")))
    report = make_report()
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT, report=report)
    shared = sample_builder(task).maker.build
    assert plan.lead
    assert (shared.lead, shared.report, shared.records) == (plan.lead, report, task.identity.models)
    assert shared.source.spec == plan.recipe.source


def test_a_photograph_that_changes_after_planning_is_a_row_with_that_reason(
    tiny_plan: MakePlan, tmp_path: Path
) -> None:
    labels = write_photos(tmp_path / "photos", 4)
    prepared = prepare(tiny_plan(FEW, labels=labels), tmp_path / "out", PLACEMENT)
    shutil.copy(labels.parent / "images/p1.png", labels.parent / "images/p0.png")
    shutil.copy(labels.parent / "masks/p1.png", labels.parent / "masks/p2.png")
    build(prepared, progress=False)
    rows = open_dataset(tmp_path / "out").table.to_pylist()
    reasons = {row["source_id"]: set(row["reasons"]) for row in rows if row["status"] == "failed"}
    assert reasons == {"p0": {"source_changed"}, "p2": {"source_changed"}}


def test_files_that_break_while_decoding_give_equal_rows_in_any_folder(tiny_plan: MakePlan, tmp_path: Path) -> None:
    for name in ("here", "there"):
        labels = write_photos(tmp_path / name, 4)
        picture = labels.parent / "images/p0.png"
        # Its header can be read, so that planning finds nothing wrong.
        picture.write_bytes(picture.read_bytes()[:200])
        build(prepare(tiny_plan(FEW, labels=labels), tmp_path / f"{name}-out", PLACEMENT), progress=False)
    assert shards(tmp_path / "here-out") == shards(tmp_path / "there-out")
    rows = open_dataset(tmp_path / "here-out").table.to_pylist()
    details = {json.loads(row["parameters"])["detail"] for row in rows if row["source_id"] == "p0"}
    assert len(details) == 1
    assert str(tmp_path) not in details.pop()


def test_code_that_a_recipe_names_runs_only_with_consent() -> None:
    scheme = "generator.schemes=[{name: mine, factory: subprocess:Popen, options: {args: [true]}}]"
    with pytest.raises(RecipeError, match=r"subprocess:Popen(.|\n)*--allow-code"):
        load_recipe("watermark", overrides=(scheme,))
    assert load_recipe("watermark", overrides=(scheme,), allow_code=True).code() == ("subprocess:Popen",)
    assert all(load_recipe(name).code() == () for name in recipe_names())
