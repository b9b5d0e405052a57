"""The fingerprint changes with whatever can change a byte, and with nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from editmill.generators.models.loading import Placement
from editmill.pipelines.fingerprint import identify
from tests.pipelines.conftest import PLACEMENT, MakePlan


def test_prose_shards_folder_and_models_dir_stay_out(tiny_plan: MakePlan, photos: Path, tmp_path: Path) -> None:
    base = identify(tiny_plan(), PLACEMENT).fingerprint
    moved = tmp_path / "moved"
    shutil.copytree(photos.parent, moved)
    assert identify(tiny_plan("description=other words"), PLACEMENT).fingerprint == base
    assert identify(tiny_plan(labels=moved / "labels.csv"), PLACEMENT).fingerprint == base
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


def test_precision_and_pixels_count(tiny_plan: MakePlan, photos: Path, tmp_path: Path) -> None:
    base = identify(tiny_plan(), PLACEMENT).fingerprint
    assert identify(tiny_plan(), Placement(device="cpu", dtype="bfloat16")).fingerprint != base
    other = tmp_path / "photos"
    shutil.copytree(photos.parent, other)
    shutil.copy(other / "masks/p1.png", other / "masks/p3.png")
    assert identify(tiny_plan(labels=other / "labels.csv"), PLACEMENT).fingerprint != base


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
