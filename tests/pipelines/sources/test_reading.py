"""What every source of files owes to its records: the bytes that were listed, and messages without folders."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.making import check_record
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Spec
from editmill.manifests.records import SourceRecord
from editmill.packs.tabletop.captioned_source import TabletopCaptionsSpec
from editmill.packs.tabletop.source import TabletopSpec
from editmill.pipelines.sources import open_source
from editmill.pipelines.sources.coco import CocoSpec
from editmill.pipelines.sources.coco_captions import CocoCaptionsSpec
from editmill.pipelines.sources.folder import FolderSpec
from editmill.pipelines.sources.imagenet_s import ImageNetSSpec
from editmill.pipelines.sources.images import ImagesSpec
from editmill.pipelines.sources.jsonl import JsonLinesSpec
from editmill.pipelines.sources.webdataset import WebDatasetSpec

WNID = "n01443537"
SQUARE = [4.0, 4.0, 15.0, 4.0, 15.0, 15.0, 4.0, 15.0]


def picture(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 20), (shade, 90, 200)).save(stream, "PNG")
    return stream.getvalue()


def mask(identity: int, left: int = 5) -> bytes:
    """A mask with red ``identity`` on the object, which a grey mask and one of ImageNet-S both understand."""
    pixels, stream = np.zeros((20, 40, 3), np.uint8), io.BytesIO()
    pixels[4:15, left:20] = (identity, 0, 0) if identity == 1 else identity
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def put(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@dataclass(frozen=True)
class Case:
    """A source of one picture: where it is, and how its picture and its mask are written."""

    spec: Spec
    image: Callable[[bytes], object]
    mask: Callable[[bool], object] | None = None
    remove: Callable[[], object] | None = None


def folder_case(root: Path) -> Case:
    image, drawn = root / "images/a.png", root / "masks/a.png"
    labels = put(root / "labels.csv", "file,mask,label_index\nimages/a.png,masks/a.png,1\n")
    return Case(
        FolderSpec(labels=labels),
        lambda data: put(image, data),
        lambda changed: put(drawn, mask(255, 6 if changed else 5)),
        image.unlink,
    )


def imagenet_s_case(root: Path) -> Case:
    image, drawn = root / f"images/{WNID}/a.JPEG", root / f"masks/{WNID}/a.png"
    put(root / "classes.csv", f"imagenet_index,wnid,label\n1,{WNID},goldfish\n")
    put(root / "classes.txt", WNID)
    return Case(
        ImageNetSSpec(root=root),
        lambda data: put(image, data),
        lambda changed: put(drawn, mask(1, 6 if changed else 5)),
        image.unlink,
    )


def coco_case(root: Path) -> Case:
    def instances(changed: bool) -> None:
        polygon = [value + changed for value in SQUARE]
        annotation = {"id": 1, "image_id": 7, "category_id": 18, "area": 144, "segmentation": [polygon]}
        images = [{"id": 7, "file_name": "a.png", "width": 40, "height": 20}]
        document = {"images": images, "categories": [{"id": 18, "name": "dog"}], "annotations": [annotation]}
        put(root / "instances.json", json.dumps(document))

    image = root / "images/a.png"
    return Case(CocoSpec(instances=root / "instances.json"), lambda data: put(image, data), instances, image.unlink)


def coco_captions_case(root: Path) -> Case:
    image = root / "images/a.png"
    images, annotations = [{"id": 7, "file_name": "a.png"}], [{"id": 2, "image_id": 7, "caption": "a dog"}]
    put(root / "captions.json", json.dumps({"images": images, "annotations": annotations}))
    boxes = [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [5, 5, 10, 10]}]
    put(root / "instances.json", json.dumps({"categories": [{"id": 18, "name": "dog"}], "annotations": boxes}))
    spec = CocoCaptionsSpec(captions=root / "captions.json", instances=root / "instances.json")
    return Case(spec, lambda data: put(image, data), remove=image.unlink)


def jsonl_case(root: Path) -> Case:
    image = root / "photos/a.png"
    file = put(root / "texts.jsonl", json.dumps({"image": "photos/a.png", "text": "a dog"}))
    return Case(JsonLinesSpec(file=file), lambda data: put(image, data), remove=image.unlink)


def images_case(root: Path) -> Case:
    return Case(ImagesSpec(root=root), lambda data: put(root / "photos/a.png", data))


def webdataset_case(root: Path) -> Case:
    def shard(data: bytes) -> None:
        with tarfile.open(root / "x.tar", "w") as tar:
            for name, content in (("a.png", data), ("a.txt", b"a dog")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    return Case(WebDatasetSpec(shards=root / "x.tar"), shard)


CASES = (folder_case, imagenet_s_case, coco_case, coco_captions_case, jsonl_case, images_case, webdataset_case)
MASKED = (folder_case, imagenet_s_case, coco_case)


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    made: Case = request.param(tmp_path)
    made.image(picture(9))
    if made.mask is not None:
        made.mask(False)
    return made


def listed(case: Case) -> SourceRecord:
    (record,) = open_source(case.spec).records()
    return record


def refusal(case: Case, record: SourceRecord, folder: Path) -> Unusable:
    """What a source that was opened anew says of a record; nothing of this machine may stand in it."""
    with pytest.raises(Unusable) as caught:
        open_source(case.spec).load(record)
    assert str(folder) not in str(caught.value)
    assert "0x" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_source_that_was_opened_anew_loads_a_record(case: Case) -> None:
    record = listed(case)
    assert record.problem == ""
    loaded = open_source(case.spec).load(record)
    assert loaded.record is record
    assert loaded.image[0, 0].tolist() == [9, 90, 200]


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_picture_that_was_changed_since_it_was_listed_is_refused(case: Case, tmp_path: Path) -> None:
    record = listed(case)
    case.image(picture(10))
    refused = refusal(case, record, tmp_path)
    assert (refused.reason, str(refused)) == (
        Reason.SOURCE_CHANGED,
        f"{record.image}: changed since the source was listed",
    )


@pytest.mark.parametrize("case", MASKED, indirect=True)
def test_a_mask_that_was_changed_since_it_was_listed_is_refused(case: Case, tmp_path: Path) -> None:
    record = listed(case)
    assert case.mask is not None
    case.mask(True)
    refused = refusal(case, record, tmp_path)
    assert refused.reason == Reason.SOURCE_CHANGED
    assert f"{record.mask}: changed" in str(refused)


@pytest.mark.parametrize("case", CASES, indirect=True)
@pytest.mark.parametrize("data", [b"no picture", picture(9)[:-40]], ids=["other", "cut off"])
def test_a_broken_picture_is_named_as_its_record_names_it(case: Case, tmp_path: Path, data: bytes) -> None:
    case.image(data)
    record = listed(case)
    refused = refusal(case, record, tmp_path)
    assert refused.reason == Reason.SOURCE_UNREADABLE
    assert str(refused).startswith(f"{record.image}: ")
    # A row says the same without another look.
    with pytest.raises(Unusable, match=re.escape(str(refused))):
        check_record(record)


@pytest.mark.parametrize(
    "case", [folder_case, imagenet_s_case, coco_case, coco_captions_case, jsonl_case], indirect=True
)
def test_a_missing_picture_is_named_as_its_record_names_it(case: Case, tmp_path: Path) -> None:
    listed_before = listed(case)
    assert case.remove is not None
    case.remove()
    # What was there when it was listed may be there again.
    for record, reason in ((listed_before, Reason.SOURCE_CHANGED), (listed(case), Reason.SOURCE_UNREADABLE)):
        refused = refusal(case, record, tmp_path)
        assert (refused.reason, str(refused)) == (reason, f"{record.image}: No such file or directory")


@pytest.mark.parametrize("data", [b"no mask", None, mask(0)], ids=["other", "missing", "empty"])
@pytest.mark.parametrize("case", [folder_case, imagenet_s_case], indirect=True)
def test_a_broken_mask_is_named_as_its_record_names_it(case: Case, tmp_path: Path, data: bytes | None) -> None:
    record = listed(case)
    path = next(tmp_path.glob(f"masks/**/{Path(record.mask).name}"))
    if data is None:
        path.unlink()
    else:
        put(path, data)
        record = listed(case)
    refused = refusal(case, record, tmp_path)
    reasons = (Reason.SOURCE_CHANGED,) if data is None else (Reason.MASK_UNREADABLE, Reason.MASK_EMPTY)
    assert refused.reason in reasons
    assert str(refused).startswith(f"{record.mask}: ")
    assert record.detail == ("" if data is None else str(refused))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
@pytest.mark.parametrize(
    "case", [folder_case, imagenet_s_case, coco_case, coco_captions_case, jsonl_case, images_case], indirect=True
)
def test_a_picture_that_is_no_regular_file_is_refused_unopened(
    case: Case, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    record = listed(case)
    path = next(tmp_path.glob(f"**/{Path(record.image).name}"))
    path.unlink()
    make(path)
    # A folder of pictures may hold other folders.
    relisted = [] if make is Path.mkdir and case.spec.kind == "images" else [listed(case)]
    for one in (record, *relisted):
        refused = refusal(case, one, tmp_path)
        assert refused.reason == (Reason.SOURCE_CHANGED if one is record else Reason.SOURCE_UNREADABLE)
        assert str(refused).startswith(f"{record.image}: not a regular file")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
@pytest.mark.parametrize("case", [folder_case, imagenet_s_case], indirect=True)
def test_a_mask_that_is_no_regular_file_is_refused_unopened(
    case: Case, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    record = listed(case)
    path = next(tmp_path.glob(f"masks/**/{Path(record.mask).name}"))
    path.unlink()
    make(path)
    for one in (record, listed(case)):
        refused = refusal(case, one, tmp_path)
        assert refused.reason == (Reason.SOURCE_CHANGED if one is record else Reason.MASK_UNREADABLE)
        assert str(refused).startswith(f"{record.mask}: not a regular file")


def test_a_picture_of_another_size_than_its_head_says_is_refused(tmp_path: Path) -> None:
    case = images_case(tmp_path)
    case.image(picture(9))
    record = listed(case).model_copy(update={"width": 20, "height": 40})
    with pytest.raises(Unusable, match="its head says 20x40, and it holds 40x20 pixels"):
        open_source(case.spec).load(record)


def test_a_picture_that_is_no_longer_there_is_refused(tmp_path: Path) -> None:
    for make, old, new in ((webdataset_case, "x.tar#a", "x.tar#b"), (coco_captions_case, "7", "8")):
        case = make(tmp_path)
        case.image(picture(9))
        record = SourceRecord.model_validate_json(listed(case).model_dump_json().replace(f'"{old}"', f'"{new}"'))
        refused = refusal(case, record, tmp_path)
        assert refused.reason == Reason.SOURCE_CHANGED
        assert str(refused).startswith(record.image)


@pytest.mark.parametrize("spec", [TabletopSpec(count=1, size=32), TabletopCaptionsSpec(count=1, size=32)])
def test_a_scene_that_is_rendered_otherwise_is_refused(spec: Spec) -> None:
    source = open_source(spec)
    record = next(source.records())
    assert hashlib.sha256(source.load(record).image.tobytes()).hexdigest() == record.sha256
    fields = ("sha256", "mask_sha256") if record.mask else ("sha256",)
    for field in fields:
        with pytest.raises(Unusable, match=record.image) as caught:
            source.load(record.model_copy(update={field: "0" * 64}))
        assert caught.value.reason == Reason.SOURCE_CHANGED
