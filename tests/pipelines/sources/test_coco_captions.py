"""COCO captions: texts as they are, boxes of the instances, and the real file."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.coco_captions import CocoCaptionsSource, CocoCaptionsSpec

REAL = Path(__file__).parents[4] / "shared/real/coco"


def captions_document() -> dict[str, Any]:
    return {
        "images": [
            {"id": 30, "file_name": "b.png", "width": 40, "height": 20, "license": 9},
            {"id": 7, "file_name": "a.png", "width": 40, "height": 20, "license": 3},
        ],
        "licenses": [{"id": 3, "url": "http:\\/\\/example.org\\/by"}],
        "annotations": [
            {"id": 12, "image_id": 7, "caption": "A dog.\n"},
            {"id": 2, "image_id": 7, "caption": "Two  cars \u2014 caf\u00e9 \U0001f600"},
            {"id": 5, "image_id": 30, "caption": "a cat"},
            {"id": 6, "image_id": 30, "caption": " \n"},
        ],
    }


def instances_document() -> dict[str, Any]:
    return {
        "categories": [{"id": 18, "name": "Dog"}, {"id": 3, "name": "car"}],
        "annotations": [
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3.5, 4]},
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [5, 5, 10, 10]},
            {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, 40, 20], "iscrowd": 1},
            {"id": 4, "image_id": 99, "category_id": 3, "bbox": [0, 0, 4, 2]},
        ],
    }


def write(folder: Path, captions: Any = None, instances: Any = None) -> CocoCaptionsSpec:
    (folder / "images").mkdir(exist_ok=True)
    for name, colour in (("a", (9, 90, 200)), ("b", (200, 90, 9))):
        Image.new("RGB", (40, 20), colour).save(folder / f"images/{name}.png")
    (folder / "captions.json").write_text(json.dumps(captions_document() if captions is None else captions))
    (folder / "instances.json").write_text(json.dumps(instances_document() if instances is None else instances))
    return CocoCaptionsSpec(captions=folder / "captions.json", instances=folder / "instances.json")


def test_images_and_captions_in_the_order_of_their_ids(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        first, second = CocoCaptionsSource(write(tmp_path)).records()
    assert [(one.id, one.text) for one in first.captions] == [("2", "Two  cars — café 😀"), ("12", "A dog.\n")]
    assert (first.id, first.image, first.width, first.height, first.licence, first.label) == (
        "7",
        "a.png",
        40,
        20,
        "http://example.org/by",
        -1,
    )
    assert ([one.id for one in second.captions], second.licence) == (["5"], "")
    assert "1 empty text is left out" in caplog.text


def test_objects_are_the_instances_of_the_image(tmp_path: Path) -> None:
    source = CocoCaptionsSource(write(tmp_path))
    first, second = source.records()
    loaded = source.load(first)
    assert loaded.image[0, 0].tolist() == [9, 90, 200]
    assert [(item.name, item.box, item.attributes) for item in loaded.objects] == [
        ("dog", (5, 5, 15, 15), {}),
        ("car", (1, 2, 4.5, 6), {}),
    ]
    assert source.load(second).objects == ()


CHANGES = [
    lambda d: d["annotations"][0].update(bbox=[1, 2, 4, 4]),
    lambda d: d["annotations"][0].update(category_id=18),
    lambda d: d["annotations"].pop(0),
    lambda d: d["annotations"].append({"id": 9, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2]}),
    lambda d: d["categories"][0].update(name="cat"),
    lambda d: d.update(annotations=[]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_objects_that_were_changed_since_they_were_listed_are_refused(tmp_path: Path, change: Any) -> None:
    first, second = CocoCaptionsSource(write(tmp_path)).records()
    document = instances_document()
    change(document)
    source = CocoCaptionsSource(write(tmp_path, instances=document))
    with pytest.raises(Unusable, match=r"a\.png: its objects: changed since") as caught:
        source.load(first)
    assert caught.value.reason == Reason.SOURCE_CHANGED
    assert source.load(second).objects == ()
    # A new plan has other records, and so another fingerprint.
    assert next(source.records()).objects_sha256 != first.objects_sha256


def test_objects_that_come_to_a_picture_without_any_are_a_change(tmp_path: Path) -> None:
    _, second = CocoCaptionsSource(write(tmp_path)).records()
    document = instances_document()
    document["annotations"][0]["image_id"] = 30
    with pytest.raises(Unusable, match="changed since"):
        CocoCaptionsSource(write(tmp_path, instances=document)).load(second)


def test_a_size_that_was_changed_since_it_was_listed_is_refused(tmp_path: Path) -> None:
    first, _ = CocoCaptionsSource(write(tmp_path)).records()
    document = captions_document()
    document["images"][1]["width"] = 41
    with pytest.raises(Unusable, match="its objects: changed since"):
        CocoCaptionsSource(write(tmp_path, document)).load(first)


def test_ids_may_be_fractions_or_texts(tmp_path: Path) -> None:
    document = captions_document()
    document["images"][1]["id"], document["images"][0]["id"] = 7.5, "b"
    for one in document["annotations"]:
        one["image_id"] = {7: 7.5, 30: "b"}[one["image_id"]]
    document["annotations"][0]["id"] = 12.0
    first, second = CocoCaptionsSource(write(tmp_path, document)).records()
    assert (first.id, second.id, [one.id for one in first.captions]) == ("7.5", "b", ["2", "12.0"])


@pytest.mark.parametrize("licences", [None, 5, [None], [{"url": "x"}], [{"id": 3, "url": None}]])
def test_licences_that_say_nothing(tmp_path: Path, licences: Any) -> None:
    first, _ = CocoCaptionsSource(write(tmp_path, {**captions_document(), "licenses": licences})).records()
    assert first.licence == ""


def test_files_with_byte_order_marks(tmp_path: Path) -> None:
    spec = write(tmp_path)
    for path in (spec.captions, spec.instances):
        assert path is not None
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    source = CocoCaptionsSource(spec)
    assert len(source.load(next(source.records())).objects) == 2


def test_captions_do_without_instances(tmp_path: Path) -> None:
    source = CocoCaptionsSource(CocoCaptionsSpec(captions=write(tmp_path).captions))
    record = next(source.records())
    assert (source.load(record).objects, record.objects_sha256) == ((), "")


def test_boxes_of_a_picture_of_another_size_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = write(tmp_path)
    Image.new("RGB", (20, 40)).save(tmp_path / "images/a.png")
    source = CocoCaptionsSource(spec)
    assert source.load(next(source.records())).objects == ()
    assert "40x20" in caplog.text


def test_a_picture_taken_sideways_is_read_upright(tmp_path: Path) -> None:
    spec = write(tmp_path)
    upright = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "images/a.png", exif=exif)
    source = CocoCaptionsSource(spec)
    record = next(source.records())
    loaded = source.load(record)
    assert (record.width, record.height) == (40, 20)
    assert np.array_equal(loaded.image, np.asarray(upright))
    assert len(loaded.objects) == 2


def test_one_bad_picture_has_its_problem_and_the_next_is_fine(tmp_path: Path) -> None:
    spec = write(tmp_path)
    (tmp_path / "images/a.png").write_bytes(b"no picture")
    source = CocoCaptionsSource(spec)
    bad, good = source.records()
    assert (bad.problem, good.problem) == (Reason.SOURCE_UNREADABLE, "")
    assert len(bad.captions) == 2
    with pytest.raises(Unusable):
        source.load(bad)


def test_ids_that_are_equal_are_made_distinct(tmp_path: Path) -> None:
    document = captions_document()
    document["annotations"] += [{"id": 2, "image_id": 7, "caption": "again"}]
    document["images"] += [{"id": "7", "file_name": "b.png"}]
    document["annotations"] += [{"id": "x", "image_id": "7", "caption": "of the text id"}]
    records = list(CocoCaptionsSource(write(tmp_path, document)).records())
    assert len({record.id for record in records}) == 3
    assert len({one.id for one in records[0].captions}) == 3
    assert records[-1].captions[0].text == "of the text id"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["annotations"][0].pop("caption"), "entry 12 lacks caption"),
        (lambda d: d["annotations"][0].update(caption=5), "entry 12 lacks caption"),
        (lambda d: d["annotations"][0].update(caption="\ud83d"), "surrogate"),
        (lambda d: d["annotations"][0].update(image_id=8), "names the image 8"),
        (lambda d: d["annotations"][0].update(image_id=[7]), "names the image none"),
        (
            lambda d: d["images"].append({"id": 1, "file_name": "b.png"}) or d["annotations"][0].update(image_id=True),
            "none",
        ),
        (lambda d: d["annotations"][0].update(image_id="7"), "names the image '7'"),
        (lambda d: d["annotations"][0].update(id=None), "entry 0 lacks id"),
        (lambda d: d["images"].append({"id": 7, "file_name": "b.png"}), "two entries of images have the id 7"),
        (lambda d: d["images"].append({"id": 7.0, "file_name": "b.png"}), "two entries of images have the id 7"),
        (lambda d: d["licenses"].append({"id": 3, "url": "x"}), "two entries of licenses have the id 3"),
        (lambda d: d["images"][0].pop("id"), "entry 0 lacks id"),
        (lambda d: d["images"][1].pop("file_name"), "entry 7 lacks file_name"),
        (lambda d: d["images"].append("x"), "entry 2 lacks"),
        (lambda d: d.pop("annotations"), "lacks annotations"),
        (lambda d: [one.update(caption=" ") for one in d["annotations"]], "no image with a text"),
    ],
)
def test_a_broken_captions_file_says_where(tmp_path: Path, change: Any, words: str) -> None:
    document = captions_document()
    change(document)
    with pytest.raises(SourceError, match=words) as caught:
        list(CocoCaptionsSource(write(tmp_path, document)).records())
    assert "captions.json" in caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["annotations"][0].update(bbox=[1, 2, 3]), "annotation 2 is wrong"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, float("nan"), 3]), "annotation 2 is wrong"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, "3", 3]), "annotation 2 is wrong"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, 10**400, 3]), "annotation 2 is wrong"),
        (lambda d: d["annotations"][0].update(image_id=None), "annotation 2 is wrong"),
        (lambda d: d["annotations"][0].update(category_id=[3]), "annotation 2 is wrong"),
        (lambda d: d["categories"].append({"id": 3, "name": "cat"}), "two entries of categories have the id 3"),
        (lambda d: d["annotations"][0].update(category_id=5), "annotation 2 is wrong"),
        (lambda d: d["categories"][0].pop("name"), "entry 18 lacks name"),
        (lambda d: d.pop("categories"), "lacks categories"),
    ],
)
def test_a_broken_instances_file_says_where(tmp_path: Path, change: Any, words: str) -> None:
    document = instances_document()
    change(document)
    with pytest.raises(SourceError, match=words) as caught:
        list(CocoCaptionsSource(write(tmp_path, instances=document)).records())
    assert "instances.json" in caught.value.where


@pytest.mark.parametrize("text", ["[1, 2]", "{", "\xff", "[" * 5000])
def test_a_file_that_is_no_captions_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "captions.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match="COCO captions file"):
        list(CocoCaptionsSource(CocoCaptionsSpec(captions=path)).records())
    with pytest.raises(SourceError, match="COCO captions file"):
        list(CocoCaptionsSource(CocoCaptionsSpec(captions=tmp_path / "none.json")).records())


@pytest.mark.skipif(not REAL.exists(), reason="the real photographs are not beside this checkout")
def test_the_real_captions_are_those_of_the_file() -> None:
    source = CocoCaptionsSource(CocoCaptionsSpec(captions=REAL / "captions.json", instances=REAL / "instances.json"))
    records = list(source.records())
    annotations = json.loads((REAL / "captions.json").read_text())["annotations"]
    assert {one.id: one.text for record in records for one in record.captions} == {
        str(one["id"]): one["caption"] for one in annotations
    }
    assert (len(records), len(annotations)) == (27, 135)
    assert all(record.licence.startswith("http://") and not record.problem for record in records)
    for record in records[:4]:
        loaded = source.load(record)
        height, width = loaded.image.shape[:2]
        assert loaded.objects
        assert all(
            0 <= item.box[0] < item.box[2] <= width + 1 and 0 <= item.box[1] < item.box[3] <= height + 1
            for item in loaded.objects
        )
