"""Batches of several pictures: equal bytes for one process and for two, and after a kill within a shard."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
import yaml
from PIL import Image
from transformers import GroundingDinoForObjectDetection

from editmill.generators.models.placement import Placement
from editmill.generators.text.making import TextMaker
from editmill.manifests.growing import Built, GrowingTar
from editmill.manifests.manifest import RUN
from editmill.manifests.reader import open_dataset
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from tests.checkpoints import write_pack
from tests.generators.models.test_detector import write_grounding
from tests.pipelines.photos import write_labels, write_photos
from tests.pipelines.test_memory import CASES

# More sources than two groups have, in two shards.
PHOTOS = 20
# Partners are of other groups, and what is left of them without their objects is the same in every company.
PARTNERS = "generator.edits=[{name: size, levels: [0.1]}, {name: random-background}]"
MORE = {
    "attribute": (PARTNERS, "generator.render.removal=patches"),
    "text": ("source.count=12",),
    "dilution": ("source.count=12",),
    "watermark": ("source.count=12",),
    "fmr": ("source.count=8", "generator.group=2"),
    "synthesis": ("source.count=24",),
}


class Asked(NamedTuple):
    """What a process builds: a case of `CASES`, into a folder, and of the tiny pack and photographs."""

    family: str
    out: Path
    pack: Path
    photos: Path


def built(asked: Asked, *, workers: int = 1) -> dict[str, str]:
    """Build at batch 4, in two shards; return the digest of every file but how the run went."""
    recipe, overrides = CASES[asked.family]
    mine = {"source": f"folder:{asked.photos}", "models": str(asked.pack)} if recipe == "imagenet-e" else {}
    changes = (*overrides, *MORE.get(asked.family, ()), "shards=2")
    plan = make_plan(load_recipe(recipe, overrides=changes, **mine))
    build(prepare(plan, asked.out, Placement(device="cpu", batch=4)), workers=workers, progress=False)
    paths = (path for path in asked.out.rglob("*") if path.is_file() and path.name != RUN)
    return {str(path.relative_to(asked.out)): sha256(path.read_bytes()).hexdigest() for path in paths}


def killed(asked: Asked) -> None:
    """Build, and kill this process when a shard that has groups already would get another one."""
    add = GrowingTar.add

    def added(self: GrowingTar, group: Sequence[Built], state: Mapping[str, Any]) -> None:
        if self.done:
            os.kill(os.getpid(), signal.SIGKILL)
        add(self, group, state)

    with mock.patch.object(GrowingTar, "add", added), few_captions():
        built(asked)


def few_captions() -> AbstractContextManager[object]:
    """Let captions be edited in groups of a few pictures, on which nothing may depend."""
    return mock.patch.object(TextMaker, "group", 3)


@pytest.fixture(scope="module")
def grounded_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pack whose detector's scores depend on the pictures that share a call."""
    path = write_pack(tmp_path_factory.mktemp("grounded"))
    folder = write_grounding(path.parent / "detector")
    detector = GroundingDinoForObjectDetection.from_pretrained(folder)
    with torch.no_grad():
        # Boxes as large as the objects of the photographs.
        for head in detector.bbox_embed:
            head.layers[-1].bias[2:] = 1.0
    detector.save_pretrained(folder)
    pack = yaml.safe_load(path.read_text())
    cls = "transformers.GroundingDinoForObjectDetection"
    pack["roles"]["detector"] = {"cls": cls, "path": "detector", "licence": "Apache-2.0", "prompt": "a {}"}
    path.write_text(yaml.safe_dump(pack))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("family", CASES)
def test_two_processes_and_a_kill_within_a_shard_change_no_byte(
    family: str, tmp_path: Path, grounded_pack: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Asked(family, tmp_path / "whole", grounded_pack, write_photos(tmp_path / "photos", PHOTOS))
    expected = built(whole)
    assert sum(name.endswith(".tar") for name in expected) == 2
    assert built(whole._replace(out=tmp_path / "two"), workers=2) == expected
    again = whole._replace(out=tmp_path / "killed")
    child = multiprocessing.get_context("spawn").Process(target=killed, args=(again,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    caplog.set_level("INFO", "editmill.build")
    with few_captions():
        assert built(again) == expected
    assert "going on after" in caplog.text


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels file of three scenes of three sizes."""
    folder, rows = tmp_path_factory.mktemp("sizes"), []
    for side in (80, 96, 128):
        source = TabletopSource(TabletopSpec(count=1, start=side, size=side))
        for record in source.records():
            loaded, name = source.load(record), f"{side}-{record.id}"
            # Frames that are not square, too.
            for kind, pixels in (("image", loaded.image[: side - 8]), ("mask", loaded.mask[: side - 8])):
                Image.fromarray(pixels).save(folder / f"{name}-{kind}.png")
            rows.append([f"{name}-image.png", f"{name}-mask.png", record.label, record.wnid, record.class_name])
    return write_labels(folder / "labels.csv", rows)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["attribute", "guided", "faithful", "watermark", "fmr", "synthesis"])
def test_frames_of_three_sizes_have_the_decisions_of_a_batch_of_one(family: str, tmp_path: Path, sizes: Path) -> None:
    recipe, overrides = CASES[family]
    world = "generator.least_pixels=4096" if family == "watermark" else "generator.unknown_world=make"
    kept = (one for one in overrides if not one.startswith("source."))
    changes = [*kept, world, "source.licence=CC0-1.0", "shards=1"]
    found = []
    for batch in (1, 4):
        if recipe in ("fmr", "imagenet-g"):
            changes.append(f"generator.batch={batch}")
        plan = make_plan(load_recipe(recipe, source=f"folder:{sizes}", overrides=changes))
        out = tmp_path / str(batch)
        build(prepare(plan, out, Placement(device="cpu", batch=batch)), progress=False)
        table = open_dataset(out).table
        found.append([table.column(name).to_pylist() for name in ("key", "status", "reasons")])
    assert found[0] == found[1]
    assert set(found[0][1]) <= {"ok", "rejected"}
