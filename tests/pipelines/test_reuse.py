"""What was made before from the same is copied, and the dataset is that of a fresh build, byte for byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyarrow.parquet import read_table

from editmill.generators.base.making import SampleBuilder
from editmill.generators.compositing.patchmatch import PatchMatch
from editmill.manifests.errors import RequestError
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import Manifest
from editmill.manifests.stats import finished_shard
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import Display, build, prepare
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.reuse import sharded_like
from tests.pipelines.conftest import PLACEMENT
from tests.pipelines.photos import write_photos

EDITS = "generator.edits=[{name: original}, {name: size, levels: [0.1]}, {name: random-background}]"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the samples that are made, not copied."""
    keys: list[str] = []
    groups = SampleBuilder.groups

    def seen(self: SampleBuilder[Any], samples: Any, **options: Any) -> Iterator[Any]:
        for group in groups(self, samples, **options):
            keys.extend(row.key for row, _ in group)
            yield group

    monkeypatch.setattr(SampleBuilder, "groups", seen)
    return keys


@pytest.fixture(scope="module")
def first(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs and their dataset; do not change them."""
    folder = tmp_path_factory.mktemp("first")
    built(plan_of(tiny_pack, write_photos(folder / "photos", 6)), folder / "old")
    return folder


@pytest.fixture
def labels(first: Path, tmp_path: Path) -> Path:
    """Copies of the photographs."""
    return Path(shutil.copytree(first / "photos", tmp_path / "photos")) / "labels.csv"


@pytest.fixture
def old(first: Path, tmp_path: Path) -> Path:
    """A copy of their dataset."""
    return Path(shutil.copytree(first / "old", tmp_path / "old"))


def plan_of(pack: Path, labels: Path, *overrides: str) -> Plan:
    changes = (EDITS, "generator.render.removal=patches", "generator.render.max_upsampling=9", "shards=3", *overrides)
    return make_plan(load_recipe("imagenet-e", source=f"folder:{labels}", models=str(pack), overrides=changes))


def built(plan: Plan, out: Path, **options: Any) -> Manifest:
    manifest = build(prepare(plan, out, PLACEMENT, **options), progress=False)
    assert manifest is not None
    return manifest


def files(out: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    del found["run.json"]
    return found


def change(labels: Path) -> None:
    """Replace the photograph p1, leave p2 out, and add p9."""
    images, masks = labels.parent / "images", labels.parent / "masks"
    shutil.copy(images / "p5.png", images / "p9.png")
    shutil.copy(masks / "p5.png", masks / "p9.png")
    shutil.copy(images / "p4.png", images / "p1.png")
    shutil.copy(masks / "p4.png", masks / "p1.png")
    lines = [line for line in labels.read_text().splitlines() if "p2.png" not in line]
    labels.write_text("\n".join([*lines, lines[-1].replace("p5", "p9")]) + "\n")


@pytest.mark.parametrize("overrides", [(), ("shards=2", "name=other", "split=train")])
def test_the_dataset_is_that_of_a_fresh_build(
    tiny_pack: Path, labels: Path, old: Path, tmp_path: Path, made: list[str], overrides: tuple[str, ...]
) -> None:
    change(labels)
    built(plan_of(tiny_pack, labels, *overrides), tmp_path / "fresh")
    made.clear()
    plan = plan_of(tiny_pack, labels, *overrides)
    built(plan, tmp_path / "new", reuse=old)
    assert files(tmp_path / "new") == files(tmp_path / "fresh")
    lent = {
        sample.key
        for sample in plan.samples()
        if {"p1", "p2", "p9"} & {one.id for one in (sample.source, sample.partner) if one}
    }
    assert {key for key in made if "random-background" not in key} == {key for key in lent if "random" not in key}
    assert len(made) < len(list(plan.samples()))
    assert verify_dataset(tmp_path / "new").ok


@pytest.mark.parametrize("filled", ["p3", "p4"])
def test_spares_count_only_where_one_was_needed(
    tiny_pack: Path, labels: Path, tmp_path: Path, made: list[str], filled: str
) -> None:
    # An object that fills its picture but for a corner leaves nothing to borrow.
    mask = labels.parent / f"masks/{filled}.png"
    with Image.open(mask) as opened:
        full = Image.new("L", opened.size, 255)
    full.putpixel((0, 0), 0)
    full.save(mask)
    before = {sample.key: sample for sample in plan_of(tiny_pack, labels).samples()}
    built(plan_of(tiny_pack, labels), tmp_path / "old")
    change(labels)
    built(plan_of(tiny_pack, labels), tmp_path / "fresh")
    made.clear()
    built(plan_of(tiny_pack, labels), tmp_path / "new", reuse=tmp_path / "old")
    assert files(tmp_path / "new") == files(tmp_path / "fresh")
    served = {row["key"]: row["inputs"] for row in read_table(tmp_path / "new" / "samples.parquet").to_pylist()}
    moved = [one for key, one in before.items() if one.partner and one.partner.id == filled and key in served]
    assert moved
    assert {one.key for one in moved} <= set(made)
    same = [one for key, one in before.items() if one.partner and key in served and key not in made]
    assert any({"p1", "p2", "p9"} & {spare.id for spare in one.spares} for one in same)
    # The JSON names who really lent the background, as the row does.
    lent = {sample.key: (json.loads(sample.members["json"]), sample.row) for sample in open_dataset(tmp_path / "new")}
    for facts, row in lent.values():
        assert facts["partner"] == json.loads(row["parameters"]).get("partner", "")


@pytest.mark.parametrize("gone", ["images/p3.png", "masks/p4.png"])
def test_what_was_gone_for_a_while_is_tried_again_and_so_is_what_borrowed_of_it(
    tiny_pack: Path, labels: Path, old: Path, tmp_path: Path, gone: str, caplog: pytest.LogCaptureFixture
) -> None:
    plan, file = plan_of(tiny_pack, labels), labels.parent / gone
    data = file.read_bytes()
    file.unlink()
    built(plan, tmp_path / "hasty")
    assert f"3 samples of {tmp_path / 'hasty'} failed in a way that may not happen again" in caplog.text
    file.write_bytes(data)
    built(plan_of(tiny_pack, labels), tmp_path / "new", reuse=tmp_path / "hasty")
    assert files(tmp_path / "hasty") != files(tmp_path / "new") == files(old)


def test_equal_shards_are_linked_and_rejected_samples_stay_rejected(
    tiny_pack: Path, labels: Path, tmp_path: Path, made: list[str]
) -> None:
    first = built(plan_of(tiny_pack, labels, "guard.mask_iou=1"), tmp_path / "old")
    assert any("rejected" in statuses for statuses in first.counts.values())
    made.clear()
    # Nothing of what samples are made from.
    plan = plan_of(tiny_pack, labels, "guard.mask_iou=1", "version=1.0.1", "description=prose")
    second = built(plan, tmp_path / "new", reuse=tmp_path / "old")
    assert not made
    assert first.fingerprint != second.fingerprint
    for shard in first.shards:
        assert (tmp_path / "old" / shard.path).samefile(tmp_path / "new" / shard.path)
    assert verify_dataset(tmp_path / "new").ok


@pytest.mark.parametrize("damage", ["member", "absent"])
def test_nothing_of_a_damaged_shard_is_copied_and_its_samples_are_made_anew(
    tiny_pack: Path,
    labels: Path,
    old: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    change(labels)
    other, told = plan_of(tiny_pack, labels), list[int]()
    built(other, tmp_path / "fresh")
    monkeypatch.setattr(Display, "advance", lambda self, done: told.append(done.samples))
    path = old / open_dataset(old).manifest.shards[0].path
    data = path.read_bytes()
    path.unlink()
    if damage == "member":
        path.write_bytes(data[:600] + b"x" + data[601:])
    built(other, tmp_path / "new", reuse=old)
    assert files(tmp_path / "new") == files(tmp_path / "fresh")
    assert f"{path}: " in caplog.text
    assert "nothing of this shard is copied" in caplog.text
    # What was made of the shard before the damage showed is made again, and the bar does not count it twice.
    assert any(samples < 0 for samples in told)
    assert max(accumulate(told)) == sum(told) == len(list(other.samples()))


def test_a_tar_behind_a_symbolic_link_is_copied_and_never_counts_as_finished(
    tiny_pack: Path, labels: Path, old: Path, tmp_path: Path, made: list[str]
) -> None:
    first, new = open_dataset(old).manifest, tmp_path / "new"
    tar = old / first.shards[0].path
    tar.rename(tmp_path / "elsewhere.tar")
    tar.symlink_to("../../elsewhere.tar")
    assert finished_shard(tar.parent, tar.stem, fingerprint=first.fingerprint, deep=True) is None
    assert [remark.path for remark in verify_dataset(old).remarks] == [first.shards[0].path]
    second = built(plan_of(tiny_pack, labels, "version=1.0.1"), new, reuse=old)
    assert not made
    assert not (new / second.shards[0].path).is_symlink()
    assert second.shards == first.shards


def test_removed_backgrounds_are_kept_where_a_folder_is_named(
    tiny_pack: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built(plan_of(tiny_pack, labels), tmp_path / "one", cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 6
    monkeypatch.setattr(PatchMatch, "fill", None)
    second = built(plan_of(tiny_pack, labels, "version=1.0.1"), tmp_path / "two", cache=tmp_path / "cache")
    assert [one.sha256 for one in second.shards] == [one.sha256 for one in first.shards]


@pytest.mark.parametrize(("shards", "like"), [("auto", 3), (2, 2)])
def test_a_recipe_without_a_number_of_shards_takes_that_of_the_dataset(
    tiny_pack: Path, labels: Path, old: Path, shards: str | int, like: int
) -> None:
    recipe = plan_of(tiny_pack, labels).recipe.model_copy(update={"shards": shards})
    assert sharded_like(recipe, open_dataset(old).manifest).shards == like


def test_other_libraries_are_refused_or_named(
    tiny_pack: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, versions = tmp_path / "old", {"pillow": "0.1"}
    monkeypatch.setattr("editmill.pipelines.provenance.environment", lambda: versions)
    built(plan_of(tiny_pack, labels), old)
    monkeypatch.setattr("editmill.pipelines.provenance.environment", lambda: {"pillow": "0.2"})
    plan = plan_of(tiny_pack, labels, "version=1.0.1")
    with pytest.raises(RequestError, match=r"pillow 0\.1 there and 0\.2 here") as caught:
        built(plan, tmp_path / "new", reuse=old)
    assert "--allow-mixed-environment" in caught.value.fix
    mixed = built(plan, tmp_path / "new", reuse=old, mixed=True)
    assert (mixed.environment["pillow"], mixed.earlier_environments[0]["pillow"]) == ("0.2", "0.1")
    assert json.loads((tmp_path / "new/manifest.json").read_text())["earlier_environments"]
