"""Pictures of datasets that name them: upright, as the sources have them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill.evaluators.text.pictures import Pictures
from editmill.manifests import DataError, Dataset, open_dataset
from editmill.pipelines.sources.reading import decode_picture
from tests.manifests.builder import build_dataset


@pytest.fixture
def reference(tmp_path: Path) -> Dataset:
    build_dataset(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    return Dataset(dataset.store, dataset.manifest.model_copy(update={"members": ("cls", "json")}), dataset.table)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_the_sources_have_them(orientation: int, reference: Dataset, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(pixels).save(folder / "a.png", exif=exif)
    found = Pictures(reference, folder).get(hashlib.sha256((folder / "a.png").read_bytes()).hexdigest())
    assert (np.asarray(found) == decode_picture((folder / "a.png").read_bytes(), "a.png")).all()
    assert found.size == ((5, 7) if orientation > 4 else (7, 5))


def test_pictures_that_are_missing_or_broken(reference: Dataset, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "c.png").symlink_to("nowhere.png")
    pictures = Pictures(reference, tmp_path)
    with pytest.raises(DataError, match="can't be decoded"):
        pictures.get(hashlib.sha256(b"no picture").hexdigest())
    with pytest.raises(DataError, match="not in the folder"):
        pictures.get("0" * 64)
