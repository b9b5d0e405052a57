"""Readers that know nothing of editmill read the dataset: webdataset, Hugging Face datasets, timm."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from editmill.manifests import Manifest, open_dataset, read_manifest
from tests.manifests.builder import build_dataset

# These readers leave files open for the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


def urls(root: Path, manifest: Manifest) -> list[str]:
    return [str(root / shard.path) for shard in manifest.shards]


def test_webdataset_reads_every_sample(built: Path) -> None:
    import webdataset as wds

    manifest = read_manifest(built)
    samples = list(wds.WebDataset(urls(built, manifest), shardshuffle=False))
    assert len(samples) == manifest.samples
    ours = {sample.key: sample for sample in open_dataset(built)}
    assert [sample["__key__"] for sample in samples] == list(ours)
    for sample in samples:
        assert {name: sample[name] for name in manifest.members} == ours[sample["__key__"]].members


def test_webdataset_decodes(built: Path) -> None:
    import webdataset as wds

    manifest = read_manifest(built)
    decoded = wds.WebDataset(urls(built, manifest), shardshuffle=False).decode("rgb8").to_tuple("png", "cls", "json")
    for (image, label, fields), ours in zip(decoded, open_dataset(built), strict=True):
        assert np.array_equal(image, np.asarray(ours.image()))
        assert (label, fields) == (ours.label, ours.json())


def test_webdataset_skips_a_shard_without_samples(tmp_path: Path) -> None:
    import webdataset as wds

    manifest = build_dataset(tmp_path, sources=2, shards=8, rejected=frozenset())
    assert len(list(wds.WebDataset(urls(tmp_path, manifest), shardshuffle=False))) == manifest.samples == 6


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_reads_the_folder_through_its_card(built: Path, tmp_path: Path, streaming: bool) -> None:
    import datasets

    manifest = read_manifest(built)
    split = datasets.load_dataset(str(built), split="test", cache_dir=str(tmp_path), streaming=streaming)
    samples = list(split)
    assert len(samples) == manifest.samples
    ours = open_dataset(built)
    for sample in samples:
        mine = ours[sample["__key__"]]
        assert sample["cls"] == mine.label
        assert sample["json"] == mine.json()
        assert np.array_equal(np.asarray(sample["png"]), np.asarray(mine.image()))
        assert np.array_equal(np.asarray(sample["mask.png"]), mine.mask())
    assert {sample["json"]["level"] for sample in samples} == {0.0, 0.08, 1.0}


def test_datasets_reads_a_folder_whose_first_shard_is_empty(tmp_path: Path) -> None:
    import datasets

    manifest = build_dataset(tmp_path / "set", sources=1, shards=2, rejected=frozenset())
    assert manifest.shards[0].nsamples == 0
    split = datasets.load_dataset(str(tmp_path / "set"), split="test", cache_dir=str(tmp_path / "cache"))
    assert len(split) == manifest.samples == 3


def test_datasets_reads_the_rows_as_parquet(built: Path, tmp_path: Path) -> None:
    import datasets

    rows = datasets.load_dataset(
        "parquet", data_files=str(built / "samples.parquet"), split="train", cache_dir=str(tmp_path)
    )
    assert len(rows) == 18
    assert sorted(set(rows["status"])) == ["ok", "rejected"]


def test_timm_reads_the_split_through_info_json(built: Path) -> None:
    from timm.data import create_dataset

    manifest = read_manifest(built)
    dataset = create_dataset("wds/", root=str(built), split="test", is_training=False, batch_size=1)
    assert len(dataset) == manifest.samples
    labels = [label for _, label in dataset]
    assert sorted(labels) == sorted(sample.label for sample in open_dataset(built))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlcroissant_joins_images_and_rows(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path))
    mlcroissant = pytest.importorskip("mlcroissant")
    manifest = read_manifest(built)
    dataset = mlcroissant.Dataset(str(built / "croissant.json"))
    assert dataset.metadata.name == manifest.name
    ours = open_dataset(built)
    records = list(dataset.records("samples"))
    assert len(records) == manifest.samples
    for record in records:
        key = record["samples/key"].decode()
        assert record["samples/label"] == ours[key].label
        assert record["samples/edit"].decode() == ours[key].row["edit"]
        assert np.array_equal(np.asarray(record["samples/image"]), np.asarray(ours[key].image()))


def test_croissant_names_every_file_with_its_digest(built: Path) -> None:
    from editmill.manifests.canonical import file_digest

    metadata = json.loads((built / "croissant.json").read_bytes())
    files = [entry for entry in metadata["distribution"] if entry["@type"] == "cr:FileObject"]
    assert len(files) == 3
    for entry in files:
        assert entry["sha256"] == file_digest(built / entry["contentUrl"])
    for name in ("name", "description", "license", "url", "creator", "version", "dct:conformsTo"):
        assert metadata[name]
