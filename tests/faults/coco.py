"""COCO instances: what the file is, its ids, its fields, and every kind of segmentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.case import Case, Expected, built, error
from tests.faults.drawing import HEIGHT, WIDTH, bare_pack, build_from, coco, encoded, photo, plan_from, put

TAKEN = built(**{"1-5": ""})
REFUSED = built(**{"1-5": "mask_unreadable", "1-6": ""})
BOTH = built(**{"1-5": "", "1-6": ""})
BOX = [30, 16, 62, 16, 62, 48, 30, 48]
QUICK = ("not JSON", "a list", "no images", "image id twice", "annotation id twice", "null annotation id")


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, content in _files().items():
        yield _case(name, content, error("instances.json"), plan_from("coco:instances.json"))
    for name, (document, expected) in {**_ids(), **_fields()}.items():
        yield _case(name, json.dumps(document), expected, plan_from("coco:instances.json"))
    for name, (segmentation, expected) in {**_polygons(), **_runs()}.items():
        yield _case(name, _beside(segmentation), expected, build_from("coco:instances.json"))


def _case(name: str, content: str | bytes, expected: Expected, command: tuple[str, ...]) -> Case:
    return Case(f"coco/{name}", partial(_folder, content=content), command, expected, name in QUICK)


def _only(reason: str) -> Expected:
    """Expect that the one annotation has this reason."""
    return built(**{"1-5": reason})


def _folder(folder: Path, content: str | bytes) -> None:
    bare_pack(folder)
    put(folder / "images" / "good.png", encoded(photo()))
    put(folder / "instances.json", content)


def _annotation(**changes: Any) -> dict[str, Any]:
    return {**coco()["annotations"][0], **changes}


def _beside(segmentation: Any) -> str:
    """Return a file with an odd annotation 5 and a plain annotation 6."""
    document = coco(annotations=[_annotation(segmentation=segmentation), _annotation(id=6)])
    return segmentation if isinstance(segmentation, str) and segmentation[:1] == "\0" else json.dumps(document)


def _files() -> dict[str, str | bytes]:
    plain = json.dumps(coco())
    deep = "[" * 100_000 + "]" * 100_000
    return {
        "empty file": "",
        "not JSON": "{'images': []}",
        "cut off": plain[:-10],
        "a list": "[]",
        "a number": "7",
        "null": "null",
        "no images": json.dumps({key: value for key, value in coco().items() if key != "images"}),
        "no annotations": json.dumps({key: value for key, value in coco().items() if key != "annotations"}),
        "no categories": json.dumps({key: value for key, value in coco().items() if key != "categories"}),
        "images null": json.dumps(coco(images=None)),
        "images a dict": json.dumps(coco(images={"1": {}})),
        "annotations of numbers": json.dumps(coco(annotations=[1, 2])),
        "annotations empty": json.dumps(coco(annotations=[])),
        "100,000 levels": deep,
        "100,000 levels in a segmentation": plain.replace("[[30, 16, 62, 16, 62, 48, 30, 48]]", deep),
        "UTF-16": plain.encode("utf-16-le"),
        "latin-1": plain.replace("ball", "b\xe4ll").encode("latin-1").replace(b"\\u00e4", b"\xe4"),
        "NaN for an id": plain.replace('"id": 5', '"id": NaN'),
        "a number of 5,000 digits": plain.replace('"id": 5', '"id": ' + "9" * 5000),
        "half a surrogate in a name": plain.replace("ball", "\\ud800"),
        "binary": bytes(range(256)) * 10,
        "zeros": bytes(100_000),
        "JSON lines": plain + "\n" + plain,
    }


def _ids() -> dict[str, tuple[dict[str, Any], Expected]]:
    image = coco()["images"][0]
    found: dict[str, tuple[dict[str, Any], Expected]] = {
        "image id twice": (coco(images=[image, {**image, "file_name": "other.png"}]), error("instances.json", "id 1")),
        "annotation id twice": (coco(annotations=[_annotation(), _annotation()]), error("5", "instances.json")),
        "category id twice": (
            coco(categories=[{"id": 7, "name": "ball"}, {"id": 7, "name": "cup"}]),
            error("7", "instances.json"),
        ),
        "annotation of an unknown image": (
            coco(annotations=[_annotation(image_id=9)]),
            built(**{"9-5": "source_unreadable"}),
        ),
        "categories empty": (coco(categories=[]), _only("mask_unreadable")),
        "annotation of an unknown category": (coco(annotations=[_annotation(category_id=9)]), _only("mask_unreadable")),
        "string ids": (coco(annotations=[_annotation(id="a1")]), built(**{"1-a1": ""})),
        "ids of two types": (coco(annotations=[_annotation(), _annotation(id="a1")]), built(**{"1-5": "", "1-a1": ""})),
    }
    for name, value in (("null", None), ("list", [5]), ("object", {"a": 1}), ("true", True)):
        found[f"{name} annotation id"] = (coco(annotations=[_annotation(id=value)]), error("instances.json", "id"))
        found[f"{name} image id"] = (
            coco(images=[{**image, "id": value}], annotations=[_annotation(image_id=value)]),
            error("instances.json", "id"),
        )
    return found


def _fields() -> dict[str, tuple[dict[str, Any], Expected]]:
    image = coco()["images"][0]
    found: dict[str, tuple[dict[str, Any], Expected]] = {
        "byte-order mark in a name": (coco(categories=[{"id": 7, "name": "\ufeffball"}]), TAKEN),
        "licences null": (coco(licenses=None), TAKEN),
        "licence without id": (coco(licenses=[{"url": "x"}]), TAKEN),
        "licence of an unknown id": (coco(images=[{**image, "license": 99}]), TAKEN),
        "category name null": (coco(categories=[{"id": 7, "name": None}]), error("instances.json", "name")),
        "category without a name": (coco(categories=[{"id": 7}]), error("instances.json", "name")),
        "file_name null": (coco(images=[{**image, "file_name": None}]), _only("source_unreadable")),
        "file_name missing": (
            coco(images=[{key: value for key, value in image.items() if key != "file_name"}]),
            _only("source_unreadable"),
        ),
        "file_name of a missing file": (
            coco(images=[{**image, "file_name": "none.png"}]),
            built(**{"1-5": "source_unreadable"}),
        ),
        "file_name a folder": (coco(images=[{**image, "file_name": ""}]), built(**{"1-5": "source_unreadable"})),
        "file_name with NUL": (
            coco(images=[{**image, "file_name": "a\0b.png"}]),
            built(**{"1-5": "source_unreadable"}),
        ),
        "too small an area": (coco(annotations=[_annotation(area=1)]), error("instances.json")),
        "crowds alone": (coco(annotations=[_annotation(iscrowd=1)]), error("instances.json")),
    }
    for key, value in (("width", 0), ("width", None), ("height", "64"), ("width", -96), ("height", 1e400)):
        said = isinstance(value, (int, float)) and value == value and abs(value) != float("inf")
        reason = "mask_size_mismatch" if said else "mask_unreadable"
        found[f"{key} {value}"] = (coco(images=[{**image, key: value}]), _only(reason))
    for key, value in (("area", None), ("area", "big"), ("area", []), ("area", float("nan"))):
        found[f"{key} {value}"] = (coco(annotations=[_annotation(**{key: value})]), _only("mask_unreadable"))
    return found


def _polygons() -> dict[str, tuple[Any, Expected]]:
    odd: dict[str, Any] = {
        "null": None,
        "a string": "polygon",
        "a number": 7,
        "odd numbers": [BOX[:-1]],
        "NaN": [[float("nan"), *BOX[1:]]],
        "infinity": [[float("inf"), *BOX[1:]]],
        "1e12": [[1e12, *BOX[1:]]],
        "null among numbers": [[None, *BOX[1:]]],
        "an object among numbers": [[{}, *BOX[1:]]],
        "a flat list": BOX,
        "a number of 400 digits": [[10**400, *BOX[1:]]],
    }
    found: dict[str, tuple[Any, Expected]] = {f"polygon {name}": (value, REFUSED) for name, value in odd.items()}
    empty, outside = (built(**{"1-5": reason, "1-6": ""}) for reason in ("mask_empty", "mask_size_mismatch"))
    for name, value in (("an empty list", []), ("an empty polygon", [[]]), ("two points", [BOX[:4]])):
        found[f"polygon {name}"] = (value, empty)
    # What other tools write, and what can be read only in one way.
    for name, value in (("numbers as text", [["30", *BOX[1:]]]), ("points", [[[30, 16], [62, 16], [62, 48]]])):
        found[f"polygon {name}"] = (value, BOTH)
    found["polygon"] = ([BOX], BOTH)
    found["polygon outside"] = ([[500, 500, 600, 500, 600, 600]], outside)
    return found


def _runs() -> dict[str, tuple[Any, Expected]]:
    size = [HEIGHT, WIDTH]
    mismatch = built(**{"1-5": "mask_size_mismatch", "1-6": ""})
    good = [WIDTH * HEIGHT // 2 - 500, 1000, WIDTH * HEIGHT // 2 - 500]
    return {
        "RLE": ({"counts": good, "size": size}, built(**{"1-6": ""})),
        "RLE too short": ({"counts": [5, 5], "size": size}, REFUSED),
        "RLE too long": ({"counts": [*good, 900], "size": size}, REFUSED),
        "RLE of 10^12": ({"counts": [10**12, 1], "size": size}, REFUSED),
        "RLE of 10^30": ({"counts": [10**30, 1], "size": size}, REFUSED),
        "RLE below zero": ({"counts": [-5, WIDTH * HEIGHT + 5], "size": size}, REFUSED),
        "RLE of floats": ({"counts": [0.5, 10], "size": size}, REFUSED),
        "RLE of strings": ({"counts": ["5", "6"], "size": size}, REFUSED),
        "RLE without counts": ({"size": size}, REFUSED),
        "RLE with counts null": ({"counts": None, "size": size}, REFUSED),
        "RLE without a size": ({"counts": good}, REFUSED),
        "RLE turned": ({"counts": good, "size": size[::-1]}, mismatch),
        "RLE of another size": ({"counts": [5], "size": [1, 5]}, mismatch),
        "RLE of a huge size": ({"counts": [5], "size": [10**9, 10**9]}, mismatch),
        "compressed RLE that is nonsense": ({"counts": "~~~~\u00ff", "size": size}, REFUSED),
        "compressed RLE that is empty": ({"counts": "", "size": size}, REFUSED),
        "compressed RLE cut off": ({"counts": "PP", "size": size}, REFUSED),
    }
