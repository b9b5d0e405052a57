"""Folders of photographs: good ones load, bad ones say why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.folder import FolderSource, FolderSpec
from tests.pipelines.photos import write_labels, write_photos


def test_records_and_pixels(tmp_path: Path) -> None:
    source = FolderSource(FolderSpec(labels=write_photos(tmp_path, 3)))
    records = list(source.records())
    assert [record.id for record in records] == ["p0", "p1", "p2"]
    assert (records[1].label, records[1].class_name, records[1].wnid, records[1].width, records[1].height) == (
        1,
        "box",
        "w1",
        96,
        64,
    )
    loaded = source.load(records[1])
    assert loaded.image.shape == (64, 96, 3)
    assert set(np.unique(loaded.mask)) == {0, 255}


def test_where_a_mask_comes_from(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 1)
    given = {"mask_source": "given", "labels": "imagenet-1k"}
    assert [record.attributes for record in FolderSource(FolderSpec(labels=labels)).records()] == [given]
    row = ["images/p0.png", "masks/p0.png", 0]
    write_labels(labels, [[*row, "sam-box"], [*row, ""]], header=("file", "mask", "imagenet_index", "mask_source"))
    sources = [record.attributes["mask_source"] for record in FolderSource(FolderSpec(labels=labels)).records()]
    assert sources == ["sam-box", "given"]


def test_a_column_says_the_licence_of_each_photograph(tmp_path: Path) -> None:
    row = ["images/p0.png", "masks/p0.png", 0]
    labels, header = write_photos(tmp_path, 1), ("file", "mask", "imagenet_index", "licence")
    write_labels(labels, [[*row, "CC0-1.0"], [*row, ""]], header=header)
    records = FolderSource(FolderSpec(labels=labels, licence="CC-BY-4.0")).records()
    assert [record.licence for record in records] == ["CC0-1.0", "CC-BY-4.0"]


def test_two_photographs_of_one_name_get_two_ids(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 2)
    write_labels(labels, [["images/p0.png", "masks/p0.png", 0, "", "a"], ["images/p0.png", "masks/p0.png", 0, "", "a"]])
    identities = [record.id for record in FolderSource(FolderSpec(labels=labels)).records()]
    assert len(set(identities)) == 2


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (("file", "mask", "wnid", "name", "colour"), "no label column"),
        (("picture", "mask", "imagenet_index", "wnid", "label"), "column 'file' is missing"),
        (("picture", "mask"), "column 'file' is missing"),
        (("file", "matte", "imagenet_index", "wnid", "label"), "column 'mask' is missing"),
    ],
)
def test_a_missing_column_is_one_message(tmp_path: Path, header: tuple[str, ...], words: str) -> None:
    labels = write_labels(tmp_path / "labels.csv", [["a.png", "b.png", 1, "x", "y"]], header=header)
    with pytest.raises(SourceError, match=words) as caught:
        list(FolderSource(FolderSpec(labels=labels)).records())
    assert "columns:" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_or_empty_labels_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't be read"):
        list(FolderSource(FolderSpec(labels=tmp_path / "none.csv")).records())
    with pytest.raises(SourceError, match="no rows"):
        list(FolderSource(FolderSpec(labels=write_labels(tmp_path / "labels.csv", []))).records())


def damage_image(folder: Path) -> None:
    (folder / "images/p0.png").write_bytes(b"not a picture")


def truncate_image(folder: Path) -> None:
    path = folder / "images/p0.png"
    path.write_bytes(path.read_bytes()[:-200])


def remove_image(folder: Path) -> None:
    (folder / "images/p0.png").unlink()


def remove_mask(folder: Path) -> None:
    (folder / "masks/p0.png").unlink()


def resize_mask(folder: Path) -> None:
    Image.new("L", (50, 50), 255).save(folder / "masks/p0.png")


def empty_mask(folder: Path) -> None:
    Image.new("L", (96, 64), 0).save(folder / "masks/p0.png")


def fill_mask(folder: Path) -> None:
    Image.new("L", (96, 64), 255).save(folder / "masks/p0.png")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_image, Reason.SOURCE_UNREADABLE),
        (truncate_image, Reason.SOURCE_UNREADABLE),
        (remove_image, Reason.SOURCE_UNREADABLE),
        (remove_mask, Reason.MASK_UNREADABLE),
        (resize_mask, Reason.MASK_SIZE_MISMATCH),
        (empty_mask, Reason.MASK_EMPTY),
        (fill_mask, Reason.MASK_FULL),
    ],
)
def test_one_bad_photograph_has_a_reason_and_the_next_is_fine(tmp_path: Path, damage: object, reason: Reason) -> None:
    labels = write_photos(tmp_path, 2)
    assert callable(damage)
    damage(tmp_path)
    source = FolderSource(FolderSpec(labels=labels))
    bad, good = source.records()
    with pytest.raises(Unusable) as caught:
        source.load(bad)
    assert caught.value.reason == reason
    assert source.load(good).image.shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("--5", "line 2"),
        ("²", "line 2"),
        ("1.5", "line 2"),
        ("-1", "line 2"),
        ("100000000000000000000", "line 2"),
        ("", "line 2"),
    ],
)
def test_a_label_that_is_no_class_index_is_named_by_its_line(tmp_path: Path, label: str, words: str) -> None:
    labels = write_labels(tmp_path / "labels.csv", [["a.png", "b.png", label, "x", "y"]])
    with pytest.raises(SourceError, match=words):
        list(FolderSource(FolderSpec(labels=labels)).records())


@pytest.mark.parametrize("named", ["", "imagenet_index"])
def test_an_index_that_imagenet_does_not_have_is_named_by_its_line(tmp_path: Path, named: str) -> None:
    labels = write_labels(tmp_path / "labels.csv", [["a.png", "b.png", label, "x", "y"] for label in ("999", "1000")])
    with pytest.raises(
        SourceError, match="imagenet_index is 1000 in line 3; ImageNet's classes are 0 to 999"
    ) as caught:
        list(FolderSource(FolderSpec(labels=labels, label_column=named)).records())
    assert "label_index" in caught.value.fix


def test_the_example_of_the_docs_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/building.md").read_text()
    labels = tmp_path / "labels.csv"
    labels.write_text(page.partition("```csv\n")[2].partition("```")[0])
    (record,) = FolderSource(FolderSpec(labels=labels)).records()
    assert (record.label, record.wnid, record.class_name) == (968, "n07930864", "cup")


def test_a_label_index_may_be_any(tmp_path: Path) -> None:
    header = ("file", "mask", "label_index", "wnid", "label")
    labels = write_labels(tmp_path / "labels.csv", [["a.png", "b.png", "1000", "x", "y"]], header=header)
    assert [record.label for record in FolderSource(FolderSpec(labels=labels)).records()] == [1000]


def test_a_file_saved_by_a_spreadsheet_and_names_that_collide(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 1)
    row = ["images/p0.png", "masks/p0.png", 0, "", "a"]
    write_labels(labels, [row, ["images/p0-2.png", *row[1:]], row, ["", *row[1:]]])
    labels.write_bytes(b"\xef\xbb\xbf" + labels.read_bytes())
    records = list(FolderSource(FolderSpec(labels=labels)).records())
    assert len({record.id for record in records}) == 4
    assert [record.problem for record in records] == ["", "source_unreadable", "", "source_unreadable"]


def test_pictures_of_other_kinds(tmp_path: Path) -> None:
    source, path = FolderSource(FolderSpec(labels=write_photos(tmp_path, 1))), tmp_path / "images/p0.png"
    ramp = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    Image.fromarray(ramp).save(path)
    grey = source.load(next(source.records())).image
    assert np.abs(grey[..., 0].astype(int) - ramp / 257).max() <= 1
    Image.fromarray(np.zeros((64, 96, 4), np.uint8)).save(path)
    with pytest.raises(Unusable, match="transparent"):
        source.load(next(source.records()))


def test_a_photograph_taken_sideways_is_read_upright(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 1)
    upright = Image.open(tmp_path / "images/p0.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "images/p0.png", exif=exif)
    source = FolderSource(FolderSpec(labels=labels))
    (record,) = source.records()
    assert (record.width, record.height) == (96, 64)
    assert np.array_equal(source.load(record).image, np.asarray(upright))


def test_an_address_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 1)
    pairs = (("https://example.org/p0.png", "masks/p0.png"), ("images/p0.png", "s3://bucket/p0.png"))
    write_labels(labels, [[*pair, 0, "", "a"] for pair in pairs])
    details = [record.detail for record in FolderSource(FolderSpec(labels=labels)).records()]
    assert [detail.partition(": ")[2] for detail in details] == [
        "URLs are not supported here; name a file of this machine"
    ] * 2
