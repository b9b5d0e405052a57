"""Folders of pictures alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from editmill.manifests.errors import SourceError
from editmill.pipelines.sources import parse_source
from editmill.pipelines.sources.images import ImagesSource, ImagesSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "sub/a.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 10), (9, 99, 199)).save(path, "JPEG" if name.endswith("JPG") else None)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"")
    return tmp_path


def test_every_picture_below_a_folder_in_the_order_of_paths(folder: Path) -> None:
    pictures = ImagesSource(ImagesSpec(root=folder, licence="CC0-1.0"))
    records = list(pictures.records())
    assert [(record.id, record.problem) for record in records] == [
        ("a", ""),
        ("b", ""),
        ("broken", "source_unreadable"),
        ("sub/a", ""),
    ]
    assert {record.licence for record in records} == {"CC0-1.0"} == {pictures.licence}
    assert pictures.load(records[1]).image.shape == (10, 20, 3)
    assert (records[1].width, records[1].height) == (20, 10)


def test_pictures_that_differ_in_their_ending_only_have_names_of_their_own(tmp_path: Path) -> None:
    for name in ("a.png", "a.webp"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    names = [record.id for record in ImagesSource(ImagesSpec(root=tmp_path)).records()]
    assert len(set(names)) == 2


def test_folders_that_hold_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no pictures"):
        list(ImagesSource(ImagesSpec(root=tmp_path)).records())
    with pytest.raises(SourceError, match="no such folder"):
        list(ImagesSource(ImagesSpec(root=tmp_path / "none")).records())


def test_on_the_command_line() -> None:
    assert parse_source("images:photos") == {"kind": "images", "root": str(Path("photos").resolve())}
