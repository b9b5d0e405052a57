"""Builds from photographs that the pack does not know: removed by patches, judged without models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from editmill.generators.attribute.geometry import warp_object
from editmill.generators.compositing.defaults import FILL_LIMITS, MASK_LIMITS
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.reader import open_dataset
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.plan import Plan
from editmill.pipelines.sources import open_source
from tests.generators.attribute.scenes import meadow, with_ball
from tests.pipelines.conftest import MakePlan
from tests.pipelines.test_build import released, run

EDITS = (
    "generator.edits=[{name: paste-back}, {name: size, levels: [0.05]}, {name: position}, {name: direction}, {name: "
    "random-background}]"
)


@pytest.fixture
def plan(tiny_plan: MakePlan, tiny_pack: Path, tmp_path: Path) -> Plan:
    """Four meadows with a ball; the mask of the last one leaves out half of it."""
    lines = ["file,mask,label_index,class_name"]
    for number, x in enumerate((60, 90, 120, 140)):
        image, mask = with_ball(meadow(), x=x)
        if number == 3:
            mask[:, x - 8 :] = 0
        for name, layer in (("image", image), ("mask", mask)):
            Image.fromarray(layer).save(tmp_path / f"{name}{number}.png")
        lines.append(f"image{number}.png,mask{number}.png,{number % 2},{'cup' if number % 2 else 'ball'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    pack = shutil.copytree(tiny_pack.parent, tmp_path / "pack") / tiny_pack.name
    pack.write_text(yaml.safe_dump({**yaml.safe_load(tiny_pack.read_text()), "worlds": ["toys"]}))
    return tiny_plan(EDITS, f"models={pack}", labels=tmp_path / "labels.csv")


@pytest.mark.slow
def test_photographs_give_equal_bytes_for_any_workers_and_when_resumed(plan: Plan, tmp_path: Path) -> None:
    run(plan, tmp_path / "one")
    run(plan, tmp_path / "two", workers=2)
    assert verify_dataset(tmp_path / "one").problems == ()
    assert released(tmp_path / "one") == released(tmp_path / "two")
    (tmp_path / "two" / MANIFEST).unlink()
    for path in (tmp_path / "two/test").glob("*-000001*"):
        path.unlink()
    run(plan, tmp_path / "two")
    assert released(tmp_path / "one") == released(tmp_path / "two")


def test_photographs_are_judged_without_models_and_keep_their_objects(plan: Plan, tmp_path: Path) -> None:
    run(plan, tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    rows = {(row["source_id"], row["edit"]): row for row in dataset.table.to_pylist()}
    torn = [row for (source, edit), row in rows.items() if source == "image3"]
    assert all("mask_incomplete" in row["reasons"] for row in torn)
    whole = [row for (source, _), row in rows.items() if source != "image3"]
    assert all(row[f"score_{name}"] is not None for row in whole for name in (*MASK_LIMITS, *FILL_LIMITS))
    assert {row["edit"] for row in whole if row["status"] == "ok"} >= {"paste-back", "size", "position", "direction"}
    source = open_source(plan.recipe.source)
    records = {record.id: record for record in source.records()}
    for sample in dataset:
        loaded, facts = source.load(records[sample.row["source_id"]]), sample.json()
        moved, _ = warp_object(loaded.image, loaded.mask, np.array(facts["matrix"]).reshape(2, 3))
        reference = loaded.image if facts["edit"] in ("paste-back", "random-background") else moved
        assert np.array_equal(np.asarray(sample.image())[sample.mask() == 255], reference[sample.mask() == 255])
        assert json.loads(sample.row["parameters"])["removal"] == "patches"
