"""Names of what is no regular file, wherever a file or a folder is asked for."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.case import Case, Expected, built, error, usage
from tests.faults.drawing import (
    BUILD,
    PICTURES,
    bare_pack,
    captions_from,
    coco,
    encoded,
    mask,
    photo,
    plan_from,
    put,
    put_json,
)

Place = Callable[[Path], None]
QUICK = ("image FIFO", "labels FIFO", "recipe /dev/zero", "mask folder")


def cases() -> Iterator[Case]:
    """Yield every kind of thing in every role."""
    for kind, place in _kinds().items():
        for role, (command, expected) in _roles().items():
            # A dataset is a folder.
            if (role, kind) != ("dataset", "folder"):
                name = f"{role} {kind}"
                expected = _named(role, kind, expected)
                yield Case(f"special/{name}", _make(role, place), command, expected, name in QUICK)


def _named(role: str, kind: str, expected: Expected) -> Expected:
    if role == "dataset":
        # What is not there at all is a wrong request.
        return error("odd", code=2 if kind == "broken link" else 1)
    if role == "checkpoint" and kind == "folder":
        return usage("odd")
    return expected


def _kinds() -> dict[str, Place]:
    return {
        "FIFO": lambda path: os.mkfifo(path),
        "/dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "/dev/null": lambda path: path.symlink_to("/dev/null"),
        "socket": _socket,
        "folder": lambda path: path.mkdir(),
        "broken link": lambda path: path.symlink_to("nowhere"),
        "link loop": lambda path: path.symlink_to(path.name),
    }


def _socket(path: Path) -> None:
    # A socket's name may not be longer than 107 bytes.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)
    os.chdir(here)


def _make(role: str, place: Place) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        bare_pack(folder)
        cut = encoded(mask())
        put(folder / "good.png", encoded(photo()))
        put(folder / "good-mask.png", cut)
        put(folder / "images" / "good.png", encoded(photo()))
        bad = ("odd", "good-mask.png") if role == "image" else ("good.png", "odd")
        put(folder / "labels.csv", f"file,mask,label_index\n{bad[0]},{bad[1]},1\ngood.png,good-mask.png,0\n")
        put_json(folder / "plain.json", coco())
        put(folder / "lines.jsonl", json.dumps({"image": "odd", "text": "a ball"}))
        place(folder / _NAMES.get(role, "odd"))

    return make


_NAMES = {
    "recipe": "odd.yaml",
    "pack": "odd.yaml",
    "coco image": "images/odd.png",
    "to": "odd",
    "pictures": "images/odd.png",
}


def _roles() -> dict[str, tuple[tuple[str, ...], Expected]]:
    picture = built(odd="source_unreadable")
    return {
        "image": (plan_from("folder:labels.csv"), built(odd="source_unreadable", good="")),
        "mask": ((*BUILD, "--source", "folder:labels.csv"), built(**{"good": "mask_unreadable", "good-1": ""})),
        "labels": (plan_from("folder:odd"), error("odd")),
        "instances": (plan_from("coco:odd"), error("odd")),
        "captions": (captions_from("coco-captions:odd"), error("odd")),
        "lines": (captions_from("jsonl:odd"), error("odd")),
        "caption's image": (captions_from("jsonl:lines.jsonl"), picture),
        "shard": (captions_from("webdataset:odd"), error("odd")),
        "pictures": ((*PICTURES, "--source", "images:images"), built(good="")),
        "recipe": (("plan", "odd.yaml"), error("odd.yaml")),
        "pack": (("plan", "imagenet-e", "--models", "odd.yaml"), error("odd.yaml")),
        "dataset": (("evaluate", "odd"), error("odd", code=1)),
        "secret": (
            ("plan", "watermark", "--set", "generator.secret_file=odd", "--set", "source.count=1"),
            error("odd"),
        ),
        "checkpoint": (("convert", "adm", "odd", "--to", "new"), error("odd")),
        "photographs to mask": (("masks", "folder:odd", "--to", "new"), error("odd")),
    }
