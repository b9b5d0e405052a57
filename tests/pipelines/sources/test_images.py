"""Folders of pictures alone."""

from __future__ import annotations

import os
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


def test_masks_beside_pictures_are_left_out_and_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("masks/a.png", "sub/Masks/x/b.png", "refused/c.png"):
        path = folder / name
        path.parent.mkdir(parents=True)
        Image.new("L", (20, 10), 255).save(path)
    # A file of that name is a picture.
    (folder / "masks.png").write_bytes((folder / "b.png").read_bytes())
    records = list(ImagesSource(ImagesSpec(root=folder)).records())
    assert [record.image for record in records] == ["a.JPG", "b.png", "broken.png", "masks.png", "sub/a.png"]
    (warning,) = caplog.messages
    assert "3 in sub-folders named masks or refused, the first masks/a.png" in warning
    # Whoever names the folder means it.
    assert [record.image for record in ImagesSource(ImagesSpec(root=folder / "masks")).records()] == ["a.png"]
    assert caplog.messages == [warning]


def test_links_that_lead_nowhere_are_rows_and_folders_are_not(folder: Path) -> None:
    (folder / "c.png").symlink_to("nowhere.png")
    (folder / "d.png").mkdir()
    problems = {record.image: record.detail for record in ImagesSource(ImagesSpec(root=folder)).records()}
    assert problems["c.png"] == "c.png: No such file or directory"
    assert "d.png" not in problems


def test_a_name_that_is_not_utf8_is_a_row(folder: Path) -> None:
    (folder / "b.png").rename(os.fsdecode(os.fsencode(folder / "caf") + b"\xe9.png"))
    record = next(record for record in ImagesSource(ImagesSpec(root=folder)).records() if "caf" in record.id)
    assert (record.image, record.problem) == ("caf\\udce9.png", "source_unreadable")
    assert record.detail == "caf\\udce9.png: the file's name is not UTF-8; rename it"
