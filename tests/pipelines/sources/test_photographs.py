"""The photographs that come along: their files, licences and masks, and a build of two of them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from editmill.generators.models.placement import Placement
from editmill.manifests.errors import SourceError
from editmill.manifests.reader import open_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_source, parse_source
from editmill.pipelines.sources import photographs as module
from editmill.pipelines.sources.photographs import (
    PhotographsCaptionsSource,
    PhotographsCaptionsSpec,
    PhotographsSource,
    PhotographsSpec,
    photographs,
)
from editmill.pipelines.sources.table import read_table

EDITS = "[{name: paste-back}, {name: random-background}]"


def test_every_file_is_listed_with_a_free_licence_and_its_origin_and_all_are_small() -> None:
    folder = photographs()
    rows = read_table(folder / "labels.csv").rows
    listed = {row[column] for row in rows for column in ("file", "mask")}
    assert listed == {str(path.relative_to(folder)) for path in folder.glob("*/*")}
    assert {row["licence"] for row in rows} == {"CC0-1.0", "public domain"}
    assert all(row["author"] and row["origin"].startswith("https://") and row["package"] for row in rows)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2_000_000


def test_each_photograph_has_a_mask_of_one_object_and_its_class_in_imagenet() -> None:
    source = PhotographsSource(PhotographsSpec())
    for record in source.records():
        assert not record.problem
        assert record.attributes["labels"] == "imagenet-1k"
        assert record.wnid.startswith("n")
        loaded = source.load(record)
        assert max(loaded.image.shape) == 512
        assert set(np.unique(loaded.mask)) == {0, 255}
        assert 0.02 < (loaded.mask > 0).mean() < 0.5


def test_captions_and_boxes_are_of_the_same_photographs() -> None:
    pictures, captions = PhotographsSource(PhotographsSpec()), PhotographsCaptionsSource(PhotographsCaptionsSpec())
    for record, captioned in zip(pictures.records(), captions.records(), strict=True):
        assert (record.id, record.sha256) == (captioned.id, captioned.sha256)
        assert len(captioned.captions) == 2
        ((name, box),) = [(one.name, one.box) for one in captions.load(captioned).objects]
        assert name in captioned.captions[0].text
        rows, columns = np.nonzero(pictures.load(record).mask)
        assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_some_are_taken_by_name_in_the_order_named() -> None:
    source = open_source(PhotographsSpec(**parse_source("photographs:polar-bear,hog")), needs="labelled")
    assert [record.id for record in source.records()] == ["polar-bear", "hog"]
    with pytest.raises(SourceError, match=r"no photograph called 'cow'[\s\S]*use some of bison, crab"):
        list(PhotographsSource(PhotographsSpec(only=("hog", "cow"))).records())


def test_without_the_distribution_that_carries_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOME", "editmill.packs.absent")
    assert find_spec(module.HOME) is None
    with pytest.raises(SourceError, match=r"editmill-tabletop[\s\S]*pip install"):
        PhotographsSource(PhotographsSpec())


def edited(out: Path, workers: int) -> dict[str, bytes]:
    """Build edits of two photographs into ``out``; return the shards by name."""
    recipe = load_recipe("imagenet-e", source="photographs:hog,rocket", overrides=[f"generator.edits={EDITS}"])
    build(prepare(make_plan(recipe), out, Placement(device="cpu")), workers=workers)
    return {path.name: path.read_bytes() for path in out.glob("test/*.tar")}


def test_edits_keep_the_objects_bytes_and_removal_is_by_patches(tmp_path: Path) -> None:
    edited(tmp_path, workers=1)
    dataset, source = open_dataset(tmp_path), PhotographsSource(PhotographsSpec())
    images = {record.id: source.load(record).image for record in source.records()}
    made = [(row["status"], json.loads(row["parameters"])["removal"]) for row in dataset.table.to_pylist()]
    assert made == [("ok", "patches")] * 4
    for sample in dataset.select(edit="paste-back"):
        original, kept = images[sample.row["source_id"]], sample.mask() == 255
        changed = (np.asarray(sample.image()) != original).any(axis=2)
        assert not changed[kept].any()
        assert 0 < changed.mean() < 0.4


@pytest.mark.slow
def test_one_and_two_processes_give_equal_bytes(tmp_path: Path) -> None:
    alone, shared = (edited(tmp_path / str(workers), workers) for workers in (1, 2))
    assert len(alone) == 2
    assert alone == shared
