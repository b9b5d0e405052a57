"""Sources of captions: COCO captions, JSON lines, and captions of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.case import Case, Expected, built, error
from tests.faults.drawing import captions_from, encoded, photo, put

PLAIN = {"image": "good.png", "text": "a ball on a table"}
COCO = {
    "images": [{"id": 1, "file_name": "good.png", "width": 96, "height": 64}],
    "annotations": [{"id": 5, "image_id": 1, "caption": "a ball on a table"}],
}
QUICK = ("jsonl/empty file", "jsonl/a list", "jsonl/no text", "coco-captions/no images", "captions/blanks alone")


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, (content, expected) in _lines().items():
        yield _case(f"jsonl/{name}", "lines.jsonl", content, expected, captions_from("jsonl:lines.jsonl"))
    for name, (text, expected) in _captions().items():
        content = json.dumps({"image": "good.png", "text": text}) + "\n" + json.dumps({**PLAIN, "id": "other"})
        yield _case(f"captions/{name}", "lines.jsonl", content, expected, captions_from("jsonl:lines.jsonl"))
    for name, (document, expected) in _coco().items():
        content = document if isinstance(document, (str, bytes)) else json.dumps(document)
        yield _case(
            f"coco-captions/{name}", "captions.json", content, expected, captions_from("coco-captions:captions.json")
        )
    for name, document in _instances().items():
        command = captions_from("coco-captions:captions.json,instances.json")
        yield Case(
            f"coco-captions/instances {name}", partial(_both, document=document), command, error("instances.json")
        )


def _case(name: str, file: str, content: str | bytes, expected: Expected, command: tuple[str, ...]) -> Case:
    return Case(name, partial(_folder, file=file, content=content), command, expected, name in QUICK)


def _folder(folder: Path, file: str, content: str | bytes) -> None:
    put(folder / "images" / "good.png", encoded(photo()))
    put(folder / "good.png", encoded(photo()))
    put(folder / file, content)


def _both(folder: Path, document: Any) -> None:
    _folder(folder, "captions.json", json.dumps(COCO))
    put(folder / "instances.json", document if isinstance(document, str) else json.dumps(document))


def _lines() -> dict[str, tuple[str | bytes, Expected]]:
    line, here = json.dumps(PLAIN), "line 1"
    wrong: dict[str, Any] = {
        "a list": [1],
        "a number": 7,
        "null": None,
        "no image": {"text": "a ball"},
        "image null": {**PLAIN, "image": None},
        "image empty": {**PLAIN, "image": ""},
        "image a list": {**PLAIN, "image": ["good.png"]},
        "no text": {"image": "good.png"},
        "text null": {**PLAIN, "text": None},
        "text a number": {**PLAIN, "text": 7},
        "texts a string": {"image": "good.png", "texts": "a ball"},
        "texts of numbers": {"image": "good.png", "texts": [1]},
        "texts of lists": {"image": "good.png", "texts": [["a"]]},
        "label unknown": {**PLAIN, "label": "maybe"},
        "label 7": {**PLAIN, "label": 7},
        "label a list": {**PLAIN, "label": [0]},
        "label true": {**PLAIN, "label": True},
        "id a list": {**PLAIN, "id": []},
        "id a float": {**PLAIN, "id": 1.5},
        "licence a number": {**PLAIN, "licence": 3},
        "half a surrogate": {**PLAIN, "text": "\ud800"},
        "half a surrogate in a path": {**PLAIN, "image": "\udcff.png"},
    }
    found: dict[str, tuple[str | bytes, Expected]] = {
        name: (json.dumps(value), error("lines.jsonl", here)) for name, value in wrong.items()
    }
    return {
        **found,
        "plain": (line, built(good="")),
        "empty file": ("", error("lines.jsonl", "no lines")),
        "blank lines alone": ("\n \n", error("lines.jsonl", "no lines")),
        "not JSON": ("{'image': 1}", error("lines.jsonl", here)),
        "cut off": (f"{line}\n{line[:20]}", error("lines.jsonl", "line 2")),
        "a JSON list": (f"[{line}]", error("lines.jsonl", here)),
        "100,000 levels": ("[" * 100_000, error("lines.jsonl", here)),
        "100,000 levels, closed": ("[" * 100_000 + "]" * 100_000, error("lines.jsonl", here)),
        "NaN": ('{"image": "good.png", "text": "a", "label": NaN}', error("lines.jsonl", here)),
        "5,000 digits": ('{"image": "good.png", "text": "a", "id": ' + "9" * 5000 + "}", error("lines.jsonl", here)),
        "UTF-16": (line.encode("utf-16"), error("lines.jsonl", "UTF-8")),
        "latin-1": (line.replace("ball", "b\xe4ll").encode("latin-1"), error("lines.jsonl", "UTF-8")),
        "byte-order mark": (b"\xef\xbb\xbf" + line.encode(), built(good="")),
        "Windows line ends": (f"{line}\r\n", built(good="")),
        "binary": (bytes(range(256)), error("lines.jsonl")),
        "zeros": (bytes(1000), error("lines.jsonl")),
        "gzip": (b"\x1f\x8b\x08" + bytes(50), error("lines.jsonl")),
        "a missing picture": (json.dumps({**PLAIN, "image": "bad.png"}), built(bad="source_unreadable")),
        "a folder as picture": (json.dumps({**PLAIN, "image": "images"}), built(images="source_unreadable")),
        "NUL in a path": (json.dumps({**PLAIN, "image": "a\0b.png"}), built(**{"a\0b": "source_unreadable"})),
        "an over-long path": (json.dumps({**PLAIN, "image": "n" * 5000}), built(**{"n" * 5000: "source_unreadable"})),
        "a URL as picture": (json.dumps({**PLAIN, "image": "http://x.org/bad.png"}), built(bad="source_unreadable")),
        "one id twice": (f"{line}\n{line}", built(good="")),
        "texts empty": (json.dumps({"image": "good.png", "texts": []}), error("lines.jsonl", "no image with a text")),
    }


def _captions() -> dict[str, tuple[str, Expected]]:
    taken = built(good="", other="")
    return {
        "50,000 characters": ("a ball " * 7143, taken),
        "a million characters": ("a ball " * 142_858, taken),
        "empty": ("", built("empty text", other="")),
        "blanks alone": (" \t\n", built("empty text", other="")),
        "control characters": ("a \x07ball\x1b[31m", taken),
        "NUL": ("a \0ball", taken),
        "line breaks": ("a ball\n\non a table\r\n", taken),
        "right to left": ("\u202ea ball\u202c", taken),
        "emojis": ("a \U0001f3be on a \U0001f468\u200d\U0001f469\u200d\U0001f467", taken),
        "combining marks": ("a b" + "\u0301" * 200 + "all", taken),
        "other scripts": ("桌子上有一个球", taken),
        "markup": ("<b>a ball</b> &amp; <script>", taken),
        "special tokens": ("[MASK] [CLS] <|endoftext|> </s> <unk> a ball", taken),
        "braces and percent": ("a {ball} %s %(x)s {0}", taken),
        "one letter": ("a", taken),
        "digits": ("0123456789", taken),
        "byte-order mark": ("\ufeffa ball", taken),
        "private use": ("a \ue000 ball \U0010fffd", taken),
        "no-break blanks": ("a\u00a0ball\u2003on", taken),
    }


def _coco() -> dict[str, tuple[Any, Expected]]:
    image, caption = COCO["images"][0], COCO["annotations"][0]
    named = error("captions.json")
    found: dict[str, tuple[Any, Expected]] = {
        "plain": (COCO, built(**{"1": ""})),
        "byte-order mark": (b"\xef\xbb\xbf" + json.dumps(COCO).encode(), built(**{"1": ""})),
        "empty file": ("", named),
        "not JSON": ("captions", named),
        "a list": ([], named),
        "no images": ({"annotations": COCO["annotations"]}, named),
        "no annotations": ({"images": COCO["images"]}, named),
        "images null": ({**COCO, "images": None}, named),
        "100,000 levels": ("[" * 100_000 + "]" * 100_000, named),
        "UTF-16": (json.dumps(COCO).encode("utf-16"), named),
        "image id twice": ({**COCO, "images": [image, {**image, "file_name": "b.png"}]}, error("captions.json", "1")),
        "licences null": ({**COCO, "licenses": None}, built(**{"1": ""})),
        "licences a number": ({**COCO, "licenses": 7}, built(**{"1": ""})),
        "no caption at all": ({**COCO, "annotations": []}, error("captions.json", "no image with a text")),
        "caption empty": ({**COCO, "annotations": [{**caption, "caption": " "}]}, error("captions.json")),
        "a missing picture": (
            {**COCO, "images": [{**image, "file_name": "none.png"}]},
            built(**{"1": "source_unreadable"}),
        ),
    }
    for key, value in (("id", None), ("id", []), ("id", 1.5), ("file_name", None), ("file_name", 7)):
        found[f"image {key} {value}"] = ({**COCO, "images": [{**image, key: value}]}, named)
    for key, value in (
        ("id", None),
        ("image_id", 9),
        ("image_id", None),
        ("caption", None),
        ("caption", ["a"]),
        ("caption", 7),
    ):
        found[f"annotation {key} {value}"] = ({**COCO, "annotations": [{**caption, key: value}]}, named)
    found["half a surrogate"] = ({**COCO, "annotations": [{**caption, "caption": "\udfff"}]}, named)
    return found


def _instances() -> dict[str, Any]:
    annotation = {"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 40]}
    plain = {"categories": [{"id": 7, "name": "ball"}], "annotations": [annotation]}
    return {
        "empty": "",
        "a list": [],
        "no categories": {"annotations": []},
        "category unknown": {**plain, "annotations": [{**annotation, "category_id": 9}]},
        "box of three": {**plain, "annotations": [{**annotation, "bbox": [1, 2, 3]}]},
        "box null": {**plain, "annotations": [{**annotation, "bbox": None}]},
        "box of words": {**plain, "annotations": [{**annotation, "bbox": ["a", "b", "c", "d"]}]},
        "box of NaN": json.dumps({**plain, "annotations": [{**annotation, "bbox": [float("nan")] * 4}]}),
        "name null": {**plain, "categories": [{"id": 7, "name": None}]},
        "100,000 levels": "[" * 100_000 + "]" * 100_000,
    }
