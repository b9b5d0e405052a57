"""COCO instances: filters, ids, odd annotations beside good ones, changes since they were listed, and the real file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import SourceError
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources.coco import CocoSource, CocoSpec

REAL = Path(__file__).parents[4] / "shared/real/coco/instances.json"
SQUARE = [4.0, 4.0, 15.0, 4.0, 15.0, 15.0, 4.0, 15.0]


def coco_document() -> dict[str, Any]:
    """Four annotations of one picture, of which the first passes the filter."""
    common = {"image_id": 7, "iscrowd": 0, "segmentation": [SQUARE]}
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 40, "height": 20, "license": 3}],
        "licenses": [{"id": 3, "url": "https:\\/\\/example.org\\/by"}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
        "annotations": [
            {**common, "id": 1, "category_id": 18, "area": 121},
            {**common, "id": 2, "category_id": 3, "area": 4},
            {**common, "id": 3, "category_id": 3, "area": 121, "iscrowd": 1},
            {**common, "id": 4, "category_id": 3, "area": 790},
        ],
    }


def two_good() -> dict[str, Any]:
    """Two annotations that pass the filter; the tests spoil the first one."""
    document = coco_document()
    document["annotations"] = [{**document["annotations"][0], "id": number} for number in (1, 2)]
    return document


def write_coco(folder: Path, document: Any, *, start: bytes = b"") -> CocoSource:
    (folder / "images").mkdir(exist_ok=True)
    Image.new("RGB", (40, 20), (9, 90, 200)).save(folder / "images/a.jpg")
    path = folder / "instances.json"
    path.write_bytes(start + (document if isinstance(document, str) else json.dumps(document)).encode())
    return CocoSource(CocoSpec(instances=path))


def test_small_large_and_crowd_instances_are_left_out(tmp_path: Path) -> None:
    source = write_coco(tmp_path, coco_document())
    (record,) = source.records()
    assert (record.id, record.label, record.class_name, record.licence) == ("7-1", 1, "dog", "https://example.org/by")
    assert source.load(record).mask.astype(bool).sum() == 121


@pytest.mark.parametrize("text", ["[1, 2]", "{", "", "null", "[" * 5000, '{"images": [], "annotations": {}}', "\x00"])
def test_a_file_that_is_no_instances_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="COCO instances file") as caught:
        list(write_coco(tmp_path, text).records())
    assert caught.value.where.endswith("instances.json")


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert len(list(write_coco(tmp_path, coco_document(), start=b"\xef\xbb\xbf").records())) == 1


@pytest.mark.parametrize("kind", ["images", "annotations", "categories", "licenses"])
def test_entries_with_equal_ids_are_told_apart_by_nothing(tmp_path: Path, kind: str) -> None:
    document = coco_document()
    entry = document[kind][0]
    # 7 and 7.0 are one number.
    document[kind].append({**entry, "id": float(entry["id"]), "name": "cat", "url": "x", "file_name": "b.jpg"})
    with pytest.raises(SourceError, match=f"two entries of {kind} have the id {entry['id']}"):
        list(write_coco(tmp_path, document).records())


def test_a_category_that_stands_there_twice_is_one(tmp_path: Path) -> None:
    document = coco_document()
    document["categories"] *= 2
    (record,) = write_coco(tmp_path, document).records()
    assert (record.label, record.class_name) == (1, "dog")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("annotations", {"id": None}),
        ("annotations", {"id": True}),
        ("annotations", {"id": [1]}),
        ("annotations", {"id": float("nan")}),
        ("annotations", {"id": ""}),
        ("annotations", {"id": "\ud83d"}),
        ("images", {"id": None}),
        ("categories", {"id": {}}),
    ],
)
def test_what_can_not_be_an_id(tmp_path: Path, kind: str, change: dict[str, Any]) -> None:
    document = coco_document()
    document[kind][0].update(change)
    with pytest.raises(SourceError, match="entry 0 lacks id"):
        list(write_coco(tmp_path, document).records())


@pytest.mark.parametrize("name", [None, 5, ["dog"], "\ude00"])
def test_a_category_without_a_name_is_named(tmp_path: Path, name: Any) -> None:
    document = coco_document()
    document["categories"][0]["name"] = name
    with pytest.raises(SourceError, match="entry 18"):
        list(write_coco(tmp_path, document).records())


def test_ids_may_be_numbers_and_texts(tmp_path: Path) -> None:
    document = coco_document()
    first = document["annotations"][0]
    identities = [1, "1", 2.5, "a/b", 10**14]
    document["annotations"] = [{**first, "id": identity} for identity in identities]
    document["images"].append({**document["images"][0], "id": "7"})
    document["annotations"] += [{**first, "id": "7", "image_id": "7"}, {**first, "id": 8, "image_id": 7.0}]
    source = write_coco(tmp_path, document)
    records = list(source.records())
    assert [record.id for record in records] == [
        "7-1",
        "7-2.5",
        "7.0-8",
        "7-100000000000000",
        "7-1-4",
        "7-a/b",
        "7-7",
    ]
    assert [source.load(record).record.problem for record in records] == [""] * 7


@pytest.mark.parametrize("licences", [None, {}, 5, [None], [{"url": "x"}], [{"id": 3, "url": None}], [{"id": 3}]])
def test_licences_that_say_nothing(tmp_path: Path, licences: Any) -> None:
    (record,) = write_coco(tmp_path, {**coco_document(), "licenses": licences}).records()
    assert record.licence == ""


@pytest.mark.parametrize("identity", [None, [3], {}, "3", True])
def test_an_image_whose_licence_is_none_of_the_file(tmp_path: Path, identity: Any) -> None:
    document = coco_document()
    document["images"][0]["license"] = identity
    (record,) = write_coco(tmp_path, document).records()
    assert record.licence == ""


ODD = [
    ({"segmentation": [[float("nan")] * 6]}, Reason.MASK_UNREADABLE),
    ({"segmentation": None}, Reason.MASK_UNREADABLE),
    ({"segmentation": [[1e12, 3, 40, 5, 6, 70]]}, Reason.MASK_UNREADABLE),
    ({"segmentation": []}, Reason.MASK_EMPTY),
    ({"segmentation": [[0, 0, 40, 0, 40, 20, 0, 20]]}, Reason.MASK_FULL),
    ({"segmentation": [[0, 0, 80, 0, 80, 40, 0, 40]]}, Reason.MASK_SIZE_MISMATCH),
    ({"segmentation": {"size": [40, 20], "counts": [100, 200, 500]}}, Reason.MASK_SIZE_MISMATCH),
    ({"area": None}, Reason.MASK_UNREADABLE),
    ({"area": float("inf")}, Reason.MASK_UNREADABLE),
    ({"area": 10**400}, Reason.MASK_UNREADABLE),
    ({"area": "121"}, Reason.MASK_UNREADABLE),
    ({"iscrowd": "0"}, Reason.MASK_UNREADABLE),
    ({"category_id": 99}, Reason.MASK_UNREADABLE),
    ({"category_id": [18]}, Reason.MASK_UNREADABLE),
    ({"category_id": None}, Reason.MASK_UNREADABLE),
    ({"image_id": 99}, Reason.SOURCE_UNREADABLE),
    ({"image_id": None}, Reason.SOURCE_UNREADABLE),
    ({"image_id": {"a": [7]}}, Reason.SOURCE_UNREADABLE),
]


@pytest.mark.parametrize(("change", "reason"), ODD)
def test_one_odd_annotation_is_a_row_and_the_other_one_is_built(tmp_path: Path, change: Any, reason: Reason) -> None:
    document = two_good()
    document["annotations"][0].update(change)
    source = write_coco(tmp_path, document)
    records = {record.mask: record for record in source.records()}
    assert sorted(records) == ["annotation 1", "annotation 2"]
    odd, good = records["annotation 1"], records["annotation 2"]
    assert (odd.problem, good.problem) == (reason, "")
    assert odd.detail.startswith("annotation 1: ")
    assert source.load(good).mask.any()


@pytest.mark.parametrize("field", ["segmentation", "area", "category_id", "image_id"])
def test_an_annotation_that_lacks_a_field_is_a_row(tmp_path: Path, field: str) -> None:
    document = two_good()
    del document["annotations"][0][field]
    records = list(write_coco(tmp_path, document).records())
    assert sorted(bool(record.problem) for record in records) == [False, True]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 20, "height": 40}, Reason.MASK_SIZE_MISMATCH),
        ({"width": 80, "height": 40}, Reason.MASK_SIZE_MISMATCH),
        ({"width": None}, Reason.MASK_UNREADABLE),
        ({"height": "20"}, Reason.MASK_UNREADABLE),
        ({"height": 0}, Reason.MASK_SIZE_MISMATCH),
        ({"file_name": None}, Reason.SOURCE_UNREADABLE),
        ({"file_name": 5}, Reason.SOURCE_UNREADABLE),
        ({"file_name": "\ud83d.jpg"}, Reason.SOURCE_UNREADABLE),
        ({"file_name": "a\x00.jpg"}, Reason.SOURCE_UNREADABLE),
        ({"file_name": ""}, Reason.SOURCE_UNREADABLE),
    ],
)
def test_an_odd_image_makes_rows_of_its_annotations(tmp_path: Path, change: Any, reason: Reason) -> None:
    document = two_good()
    document["images"].append({**document["images"][0], "id": 8, **change})
    document["annotations"][0]["image_id"] = 8
    source = write_coco(tmp_path, document)
    good, odd = source.records()
    assert (good.problem, odd.problem) == ("", reason)
    assert odd.detail


def test_an_odd_annotation_is_a_row_of_the_build_and_no_class_of_the_dataset(tmp_path: Path) -> None:
    document = two_good()
    document["annotations"][0]["category_id"] = 99
    source = write_coco(tmp_path, document)
    recipe = load_recipe("imagenet-e", source=f"coco:{source.spec.instances}", models="tabletop")
    plan = make_plan(recipe)
    assert {name: problem.reason for name, problem in plan.problems.items()} == {"7-1": "mask_unreadable"}
    assert plan.class_names == {1: "dog"}


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["annotations"][0].update(segmentation=[[5, 5, 16, 5, 16, 16, 5, 16]]),
        lambda d: d["annotations"][0].update(segmentation=None),
        lambda d: d["annotations"].pop(0),
        lambda d: d["images"][0].update(width=41),
        lambda d: d["categories"].pop(0),
    ],
)
def test_what_was_changed_since_it_was_listed_is_refused(tmp_path: Path, change: Callable[[Any], object]) -> None:
    document = coco_document()
    (record,) = write_coco(tmp_path, document).records()
    change(document)
    with pytest.raises(Unusable, match="annotation 1: changed since") as caught:
        write_coco(tmp_path, document).load(record)
    assert caught.value.reason == Reason.SOURCE_CHANGED


def test_the_same_mask_in_other_words_is_no_change(tmp_path: Path) -> None:
    document = coco_document()
    (record,) = write_coco(tmp_path, document).records()
    points = [[SQUARE[place], SQUARE[place + 1]] for place in range(0, 8, 2)]
    document["annotations"][0]["segmentation"] = [points]
    assert write_coco(tmp_path, document).load(record).mask.any()


@pytest.mark.skipif(not REAL.exists(), reason="the real photographs are not beside this checkout")
def test_every_chosen_instance_of_the_real_file_has_the_area_that_it_states() -> None:
    source = CocoSource(CocoSpec(instances=REAL))
    records = list(source.records())
    areas = {f"annotation {one['id']}": one["area"] for one in json.loads(REAL.read_text())["annotations"]}
    assert len(records) >= 20
    assert [record.problem for record in records] == [""] * len(records)
    for record in records[:6]:
        assert (source.load(record).mask > 0).sum() == pytest.approx(areas[record.mask], rel=0.005)
