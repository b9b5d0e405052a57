"""Whole builds with tiny random checkpoints: equal bytes, resume, bad input, occupied folders."""

from __future__ import annotations

import gc
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from editmill.generators.attribute import making
from editmill.generators.attribute.geometry import warp, warp_object
from editmill.generators.attribute.making import AttributeMaker, SourceJob
from editmill.generators.base.images import decode_image
from editmill.generators.base.samples import Made
from editmill.generators.models.pack import read_pack
from editmill.manifests.errors import DataError, ModelError, OccupiedError
from editmill.manifests.manifest import MANIFEST, RUN
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import Manifest
from editmill.manifests.shardcheck import ShardCheck
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, finish, prepare
from editmill.pipelines.plan import Plan
from editmill.pipelines.shard import Done, build_shard
from editmill.pipelines.sources import open_source
from tests.manifests.test_locks import foreign
from tests.pipelines.conftest import PLACEMENT, MakePlan
from tests.pipelines.photos import write_photos
from tests.pipelines.test_losses import written
from tests.released import traces


def run(plan: Plan, out: Path, *, workers: int = 1) -> Manifest:
    manifest = build(prepare(plan, out, PLACEMENT), workers=workers, progress=False)
    assert manifest is not None
    return manifest


@pytest.fixture(scope="module")
def dataset(tiny_plan: MakePlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset of every edit; do not change it."""
    out = tmp_path_factory.mktemp("built") / "set"
    run(tiny_plan(), out)
    return out


def test_a_build_is_complete_and_verified(dataset: Path, tiny_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    # What families write passes the quick check.
    monkeypatch.setattr(ShardCheck, "run", lambda *arguments, **named: pytest.fail("the slow check was asked"))
    report = verify_dataset(dataset)
    assert report.problems == ()
    assert traces(dataset) == []
    rows = open_dataset(dataset).table
    assert rows.num_rows == sum(tiny_plan().counts.values())
    assert set(rows.column("status").to_pylist()) <= {"ok", "rejected"}


@pytest.mark.parametrize("image", ["png", "jpg"])
def test_threads_beside_an_accelerator_change_no_byte(
    tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: str
) -> None:
    plan = tiny_plan(
        "generator.edits=[{name: original}, {name: full}]", f"output.image={image}", "guard.object_difference=24"
    )
    for threads in (1, 4):
        monkeypatch.setattr("editmill.generators.base.threads.threads_beside", lambda device, count=threads: count)
        run(plan, tmp_path / str(threads))
    assert released(tmp_path / "1") == released(tmp_path / "4")
    assert open_dataset(tmp_path / "4").manifest.samples


def test_batches_and_processes_change_no_decision_and_no_byte_of_an_object(
    dataset: Path, tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan()
    placement = replace(PLACEMENT, batch=4)
    # The accelerators of the second build are made up: below the list, its processes run on the CPU.
    for name, devices in (("one", ["cpu"]), ("two", ["cpu:0", "cpu"])):
        monkeypatch.setattr("editmill.pipelines.build.visible", lambda device, found=devices: found)
        build(prepare(plan, tmp_path / name, placement), progress=False)
    assert released(tmp_path / "one") == released(tmp_path / "two")
    assert json.loads((tmp_path / "two" / RUN).read_text())["engine"] == "2 processes on cpu:0, cpu"
    alone, together = open_dataset(dataset), open_dataset(tmp_path / "one")
    assert together.manifest.fingerprint != alone.manifest.fingerprint
    assert decisions(together) == decisions(alone)
    # A background whose bytes differ by two levels is measured a little otherwise.
    for name, measured in scores(alone).items():
        assert scores(together)[name] == pytest.approx(measured, abs=0.02, rel=0.02, nan_ok=True)
    for one, other in zip(alone, together, strict=True):
        before, after = (decode_image(sample.members["png"]).astype(int) for sample in (one, other))
        mask = decode_image(one.members["mask.png"])[..., 0]
        assert one.members["mask.png"] == other.members["mask.png"]
        assert np.array_equal(before[mask == 255], after[mask == 255])
        assert np.abs(before - after).max() <= 2


def released(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "run.json"
    }


def decisions(dataset: Dataset) -> list[tuple[str, list[str]]]:
    return list(zip(*(dataset.table.column(name).to_pylist() for name in ("key", "reasons")), strict=True))


def scores(dataset: Dataset) -> dict[str, list[float]]:
    names = [name for name in dataset.table.column_names if name.startswith("score_")]
    return {name: dataset.table.column(name).to_pylist() for name in names}


def test_a_batched_build_that_was_stopped_ends_in_the_same_files(
    tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "sources_together", lambda batch: batch)
    edits = "generator.edits=[{name: size, levels: [0.1]}, {name: background}, {name: random-background}]"
    plan, placement, make = tiny_plan(edits, "shards=1"), replace(PLACEMENT, batch=2), AttributeMaker.make
    asked: list[set[str]] = []

    def stopped(maker: AttributeMaker, jobs: Sequence[SourceJob]) -> list[Made]:
        asked.append({job.sample.source.id for job in jobs})
        if not asked[-1] <= asked[0]:
            raise KeyboardInterrupt
        return make(maker, jobs)

    monkeypatch.setattr(AttributeMaker, "make", stopped)
    with pytest.raises(KeyboardInterrupt):
        build(prepare(plan, tmp_path / "stopped", placement), progress=False)
    begun = asked.pop()
    # All that is left to make are the two sources of the second group.
    asked[:] = [begun]
    build(prepare(plan, tmp_path / "stopped", placement), progress=False)
    monkeypatch.setattr(AttributeMaker, "make", make)
    build(prepare(plan, tmp_path / "whole", placement), progress=False)
    assert released(tmp_path / "stopped" / "test") == released(tmp_path / "whole" / "test")


def test_object_bytes_equal_the_transformed_source(dataset: Path, tiny_plan: MakePlan) -> None:
    source = open_source(tiny_plan().recipe.source)
    records = {record.id: record for record in source.records()}
    checked = set()
    for sample in open_dataset(dataset):
        facts = sample.json()
        loaded = source.load(records[facts["source_id"]])
        matrix = np.array(facts["matrix"]).reshape(2, 3)
        if facts["edit"] == "full":
            size = (loaded.mask.shape[1], loaded.mask.shape[0])
            reference = np.rint(
                warp(loaded.image.astype(np.float32), matrix, size, border=cv2.BORDER_REPLICATE).clip(0, 255)
            ).astype(np.uint8)
        elif np.array_equal(matrix, [[1, 0, 0], [0, 1, 0]]):
            reference = loaded.image
        else:
            reference, _ = warp_object(loaded.image, loaded.mask, matrix)
        inside = sample.mask() == 255
        assert inside.any()
        assert np.abs(np.asarray(sample.image()).astype(int) - reference)[inside].max() == 0
        checked.add(facts["edit"])
    assert checked == {
        "original",
        "paste-back",
        "size",
        "full",
        "position",
        "direction",
        "background",
        "random-background",
    }


def test_area_is_within_tolerance(dataset: Path) -> None:
    for sample in open_dataset(dataset).select(edit=["size", "position", "direction"]):
        alpha = np.asarray(Image.open(io.BytesIO(sample.members["alpha.png"])))
        assert abs(alpha.mean() / 255 - sample.row["level"]) <= 0.005


def test_failures_that_may_pass_are_told_where_a_complete_dataset_is_built_again(
    tiny_plan: MakePlan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [("original", 0.0, "", {}), ("full", 0.0, "proposer_error", {}), ("size", 0.1, "mask_empty", {})]
    out = written(tmp_path / "set", "attribute", [rows] * 2)
    manifest = build(replace(prepare(tiny_plan(), tmp_path / "new", PLACEMENT), out=out, complete=True))
    assert manifest is not None
    assert f"2 samples of {out} failed in a way that may not happen again" in caplog.text


def test_a_finished_build_is_left_alone_and_a_lost_shard_is_rebuilt(
    dataset: Path, tiny_plan: MakePlan, tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(dataset, out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("test/*.tar")}
    run(tiny_plan(), out)
    assert {path: path.stat().st_mtime_ns for path in out.glob("test/*.tar")} == before
    lost = out / "test/imagenet-e-000001.tar"
    expected = lost.read_bytes()
    (out / MANIFEST).unlink()
    lost.unlink()
    run(tiny_plan(), out)
    assert lost.read_bytes() == expected
    kept = out / "test/imagenet-e-000000.tar"
    assert kept.stat().st_mtime_ns == before[kept]
    assert (out / MANIFEST).read_bytes() == (dataset / MANIFEST).read_bytes()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(out.glob("test/*.*"))}


@pytest.mark.parametrize("finished", [True, False])
def test_a_damaged_shard_is_built_again_and_the_others_are_kept(
    dataset: Path, tiny_plan: MakePlan, tmp_path: Path, caplog: pytest.LogCaptureFixture, finished: bool
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(dataset, out)
    flip(out / "test/imagenet-e-000000.tar")
    if not finished:
        (out / MANIFEST).unlink()
    before = times(out)
    run(tiny_plan(), out)
    after = times(out)
    changed = {name for name in before if before[name] != after[name]}
    assert {"imagenet-e-000000.tar"} <= changed
    assert not any(name.startswith("imagenet-e-000001") for name in changed)
    assert equal(out, dataset)
    assert ("mending test/imagenet-e-000000.tar" in caplog.text) == finished


WRITTEN_AGAIN = (
    *("run.json", "recipe.yaml", "samples.parquet", "croissant.json", "README.md", "shardindex.json", "_info.json"),
    *("classnames.txt", "test/imagenet-e-000001_stats.json", MANIFEST),
)
MADE_AGAIN = ("test/imagenet-e-000001.tar", "test/imagenet-e-000001.parquet")


@pytest.mark.parametrize("name", [*WRITTEN_AGAIN, *MADE_AGAIN])
@pytest.mark.parametrize("spoil", [flip, Path.unlink])
def test_one_damaged_or_lost_file_is_mended_and_costs_its_shard_at_most(
    dataset: Path,
    tiny_plan: MakePlan,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    spoil: Callable[[Path], None],
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(dataset, out)
    if (name, spoil) == ("README.md", flip):
        pytest.skip("a card may be edited")
    spoil(out / name)
    before = times(out)
    run(tiny_plan(), out)
    # Files that were mended have the time of the mending.
    changed = {key for key, time in times(out).items() if before.get(key) != time}
    shard = {one for one in changed if one.endswith((".tar", "00.parquet", "01.parquet"))}
    assert shard == ({Path(one).name for one in MADE_AGAIN} if name in MADE_AGAIN else set())
    assert equal(out, dataset)
    assert files_of(out) == files_of(dataset)
    # Without a manifest, it is a build that goes on; the run file may be missing.
    assert name in caplog.text or (spoil == Path.unlink and name in ("run.json", MANIFEST))


def files_of(out: Path) -> set[Path]:
    return {path.relative_to(out) for path in out.rglob("*")}


def test_damaged_notes_of_an_unfinished_build_cost_nothing(dataset: Path, tiny_plan: MakePlan, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(dataset, out)
    (out / MANIFEST).unlink()
    (out / "run.json").write_text("{")
    (out / "test/imagenet-e-000001_stats.json").write_text("{")
    before = {name: time for name, time in times(out).items() if name.endswith((".tar", "00.parquet", "01.parquet"))}
    run(tiny_plan(), out)
    assert before == {name: time for name, time in times(out).items() if name in before}
    assert equal(out, dataset)


def equal(out: Path, dataset: Path) -> bool:
    """Whether two datasets are the same but for how their runs went."""
    names = {path.relative_to(root) for root in (out, dataset) for path in root.rglob("*") if path.is_file()}
    report = verify_dataset(out)
    assert report.problems == report.remarks == ()
    return all((out / name).read_bytes() == (dataset / name).read_bytes() for name in names - {Path("run.json")})


def test_a_foreign_tar_among_the_shards_stops_a_build_and_is_kept(
    dataset: Path, tiny_plan: MakePlan, tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(dataset, out)
    shutil.copy(out / "test/imagenet-e-000000.tar", out / "test/mine.tar")
    with pytest.raises(DataError, match=r"test/mine\.tar is no file of the dataset[\s\S]*move it away"):
        run(tiny_plan(), out)
    assert (out / "test/mine.tar").exists()
    assert (out / MANIFEST).exists()


def test_an_occupied_folder_is_refused_and_untouched(dataset: Path, tiny_plan: MakePlan, tmp_path: Path) -> None:
    before = (dataset / MANIFEST).read_bytes()
    with pytest.raises(OccupiedError, match="another fingerprint") as caught:
        run(tiny_plan("seed=9"), dataset)
    assert caught.value.exit_code == 2
    assert (dataset / MANIFEST).read_bytes() == before
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/note.txt").write_text("mine")
    with pytest.raises(OccupiedError, match="not empty"):
        run(tiny_plan(), tmp_path / "letters")
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["note.txt"]


def test_a_build_that_made_nothing_leaves_the_folder_to_the_next(tiny_plan: MakePlan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(tiny_plan("seed=9"), out, PLACEMENT)
    assert prepare(tiny_plan(), out, PLACEMENT).identity.fingerprint in (out / "run.json").read_text()
    (out / "test" / "part.tar").parent.mkdir(exist_ok=True)
    (out / "test" / "part.tar").write_bytes(b"something")
    with pytest.raises(OccupiedError, match="another fingerprint"):
        prepare(tiny_plan("seed=9"), out, PLACEMENT)


def test_bad_photographs_are_rows_and_good_ones_are_built(tiny_plan: MakePlan, tmp_path: Path) -> None:
    labels = write_photos(tmp_path / "photos", 4)
    (labels.parent / "images/p0.png").write_bytes(b"no picture")
    Image.new("L", (10, 10), 255).save(labels.parent / "masks/p1.png")
    Image.new("L", (96, 64), 0).save(labels.parent / "masks/p2.png")
    edits = "generator.edits=[{name: original}, {name: size, levels: [0.05]}, {name: random-background}]"
    manifest = run(tiny_plan(edits, labels=labels), tmp_path / "out")
    assert manifest.counts["original"] == {
        "ok": {"": 1},
        "failed": {"source_unreadable": 1, "mask_size_mismatch": 1, "mask_empty": 1},
    }
    assert verify_dataset(tmp_path / "out").problems == ()
    rows = open_dataset(tmp_path / "out").table.to_pylist()
    partnerless = [row for row in rows if row["edit"] == "random-background" and row["source_id"] == "p3"]
    assert [row["status"] for row in partnerless] == ["rejected"]
    assert partnerless[0]["reasons"] == ["partner_unusable"]


def test_a_missing_checkpoint_stops_before_the_folder_is_made(
    tiny_plan: MakePlan, tiny_pack: Path, tmp_path: Path
) -> None:
    lonely = tmp_path / "pack.yaml"
    lonely.write_text(tiny_pack.read_text())
    plan = replace(tiny_plan(), pack=read_pack(lonely))
    with pytest.raises(ModelError, match="missing"):
        run(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_shards_asked_for_singly_assemble_later(
    dataset: Path, tiny_plan: MakePlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "parts"
    prepared = prepare(tiny_plan(), out, PLACEMENT)
    assert build(prepared, shards=[1], progress=True) is None
    assert "editing" in capsys.readouterr().err
    done: list[Done] = []
    stats = build_shard(prepared.task(1), done.append)
    assert done == [Done(stats.planned, stats.nsamples, earlier=True)]
    with pytest.raises(DataError, match=r"shard 0 of \d is missing or damaged") as told:
        finish(prepared, started=0, engine="none")
    assert told.value.where == f"{out}/test/imagenet-e-000000"
    assert not (out / MANIFEST).exists()
    with pytest.raises(DataError, match="incomplete"):
        open_dataset(out)
    run(tiny_plan(), out)
    assert "editing" not in capsys.readouterr().err
    assert (out / MANIFEST).read_bytes() == (dataset / MANIFEST).read_bytes()


def test_shards_that_another_machine_builds_are_left_to_it(tiny_plan: MakePlan, tmp_path: Path) -> None:
    few = tiny_plan("generator.edits=[{name: original}]")
    lock = tmp_path / ".imagenet-e-000001.editmill-lock"
    prepared = prepare(few, tmp_path, PLACEMENT)
    foreign(lock)
    assert build(prepared, shards=[0], progress=False, wait=False) is None
    with pytest.raises(OccupiedError, match="in use by process 1 on elsewhere"):
        build(prepare(few, tmp_path, PLACEMENT), progress=False, wait=False)
    assert list(tmp_path.rglob("*.editmill-lock")) == [lock]
    assert prepare(few, tmp_path, PLACEMENT, wait=False).lock.path.exists()
    lock.unlink()
    # Plans lie in the folder as long as somebody may build of them: here this test, and the error's traceback.
    del prepared
    gc.collect()
    run(few, tmp_path)
    assert not list(tmp_path.rglob(".*"))


def test_every_candidate_stands_in_the_rows(tiny_plan: MakePlan, tmp_path: Path) -> None:
    """A guard that nothing passes: every attempt is kept, seeds differ, and only edits with fresh noise are retried."""
    edits = "generator.edits=[{name: size, levels: [0.05]}, {name: background}]"
    manifest = run(tiny_plan(edits, "guard.area_tolerance=1e-9", "guard.label_margin=-1", "shards=1"), tmp_path / "out")
    rows = open_dataset(tmp_path / "out").table.to_pylist()
    size = [row for row in rows if row["edit"] == "size"]
    assert manifest.counts["size"] == {"rejected": {"geometry_off": 4}}
    assert all(len(row["candidates"]) == row["attempts"] == 1 and row["score_area_error"] > 0 for row in size)


def test_stochastic_edits_are_retried_with_fresh_seeds(tiny_plan: MakePlan, tmp_path: Path) -> None:
    edits = "generator.edits=[{name: background}]"
    run(
        tiny_plan(edits, "output.image=jpg", "guard.object_difference=1", "guard.attempts=3", "shards=1"),
        tmp_path / "out",
    )
    rows = open_dataset(tmp_path / "out").table.to_pylist()
    assert rows
    for row in rows:
        assert row["status"] == "rejected"
        assert "object_pixels_changed" in row["reasons"]
        assert row["attempts"] == 3
        assert len({candidate["seed"] for candidate in row["candidates"]}) == 3
        assert row["cost"] == 3 * 2  # one step with guidance is two evaluations, three times


def test_the_run_file_alone_differs_between_equal_builds(dataset: Path) -> None:
    facts = json.loads((dataset / "run.json").read_text())
    assert facts.keys() == {"digest", "engine", "fingerprint", "finished", "seconds", "shards", "spent", "system"}
    rows = open_dataset(dataset).table
    assert facts["spent"]["evaluations"] == sum(rows.column("cost").to_pylist())
    stages = facts["spent"]["stages"]
    assert 0 < stages["networks"] <= sum(stages.values()) <= facts["spent"]["seconds"] + len(stages) / 10
    assert facts["spent"]["peak_bytes"] > 1e8
    assert not facts.keys() & json.loads((dataset / MANIFEST).read_text()).keys() - {"digest", "fingerprint", "shards"}


def test_the_recorded_matrix_gives_the_stored_object_again_in_large_frames(tiny_plan: MakePlan, tmp_path: Path) -> None:
    labels = write_photos(tmp_path / "photos", 1, width=640, height=480)
    edits = "generator.edits=[{name: size, levels: [0.1, 0.03]}, {name: direction, size: 0.08}]"
    run(tiny_plan(edits, "guard.label_margin=-1", "guard.least_share=0", labels=labels), tmp_path / "out")
    source = open_source(tiny_plan(labels=labels).recipe.source)
    records = {record.id: record for record in source.records()}
    samples = list(open_dataset(tmp_path / "out"))
    assert len(samples) == 3
    for sample in samples:
        loaded = source.load(records[sample.row["source_id"]])
        reference, _ = warp_object(loaded.image, loaded.mask, np.array(sample.json()["matrix"]).reshape(2, 3))
        assert np.array_equal(np.asarray(sample.image())[sample.mask() == 255], reference[sample.mask() == 255])


def test_pictures_that_the_pack_does_not_know_are_mended_by_patches(
    tiny_plan: MakePlan, tiny_pack: Path, tmp_path: Path
) -> None:
    labels = write_photos(tmp_path / "photos", 4)
    large = np.zeros((64, 96), np.uint8)
    large[14:52, 16:72] = 255
    Image.fromarray(large).save(labels.parent / "masks/p2.png")
    document = yaml.safe_load(tiny_pack.read_text())
    pack = tmp_path / "pack.yaml"
    shutil.copytree(tiny_pack.parent, tmp_path, dirs_exist_ok=True)
    pack.write_text(yaml.safe_dump({**document, "worlds": ["toys"]}))
    edits = "generator.edits=[{name: original}, {name: round-trip}, {name: paste-back}, {name: random-background}]"
    plan = tiny_plan(edits, f"models={pack}", labels=labels)
    assert "left out: round-trip" in plan.notices()[0]
    run(plan, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert "inpaint" not in {model.role for model in dataset.manifest.models}
    rows = {(row["source_id"], row["edit"]): row for row in dataset.table.to_pylist()}
    assert rows["p2", "paste-back"]["reasons"] == ["hole_too_large"]
    assert "of the frame; the recipe allows 40%" in rows["p2", "paste-back"]["parameters"]
    made = json.loads(rows["p0", "paste-back"]["parameters"])
    assert (rows["p0", "paste-back"]["status"], made["removal"]) == ("ok", "patches")
    assert 0.1 < made["hole"] < 0.4
    # A disc: only a box may lend its ground.
    for key in ("p0", "p2"):
        assert rows[key, "random-background"]["reasons"] == []
    partners = {json.loads(row["parameters"])["partner"] for row in rows.values() if row["edit"] == "random-background"}
    assert "p2" not in partners
