"""What plain readers decode; `tests.readers` has every reader on every family."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from editmill.manifests import Manifest, open_dataset, read_manifest
from editmill.manifests.croissant import croissant_metadata

# These readers leave files open for the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


def urls(root: Path, manifest: Manifest) -> list[str]:
    return [str(root / shard.path) for shard in manifest.shards]


def test_webdataset_decodes(built: Path) -> None:
    import webdataset as wds

    manifest = read_manifest(built)
    decoded = wds.WebDataset(urls(built, manifest), shardshuffle=False).decode("rgb8").to_tuple("png", "cls", "json")
    for (image, label, fields), ours in zip(decoded, open_dataset(built), strict=True):
        assert np.array_equal(image, np.asarray(ours.image()))
        assert (label, fields) == (ours.label, ours.json())


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


def test_datasets_reads_the_rows_as_parquet(built: Path, tmp_path: Path) -> None:
    import datasets

    rows = datasets.load_dataset(
        "parquet", data_files=str(built / "samples.parquet"), split="train", cache_dir=str(tmp_path)
    )
    assert len(rows) == 18
    assert sorted(set(rows["status"])) == ["ok", "rejected"]


def test_croissant_names_every_file_with_its_digest(built: Path) -> None:
    from editmill.manifests.canonical import file_digest

    metadata = json.loads((built / "croissant.json").read_bytes())
    files = [entry for entry in metadata["distribution"] if entry["@type"] == "cr:FileObject"]
    assert len(files) == 3
    for entry in files:
        assert entry["sha256"] == file_digest(built / entry["contentUrl"])
    for name in ("name", "description", "license", "url", "creator", "version", "dct:conformsTo"):
        assert metadata[name]


def test_croissant_names_the_day_of_the_recipe_alone(built: Path) -> None:
    manifest = read_manifest(built)
    samples = next(record for record in manifest.files if record.path == "samples.parquet")
    assert "datePublished" not in croissant_metadata(manifest, samples)
    dated = manifest.model_copy(update={"recipe": {"published": "2026-11-29"}})
    assert croissant_metadata(dated, samples)["datePublished"] == "2026-11-29"
