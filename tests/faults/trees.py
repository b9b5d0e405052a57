"""ImageNet-S: trees of folders by class, and the files beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.faults.case import Case, Expected, built, error
from tests.faults.drawing import HEIGHT, WIDTH, bare_pack, build_from, encoded, photo, plan_from, put

WNID = "n01443537"
HEAD = "imagenet_index,wnid,label\n"
Change = Callable[[Path], object]


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, (change, expected, built_) in _changes().items():
        command = (build_from if built_ else plan_from)("imagenet-s:.")
        yield Case(f"imagenet-s/{name}", _make(change), command, expected, name in ("no images", "an empty index"))
    for field in ("images", "masks", "classes", "index"):
        command = plan_from("imagenet-s:.", "--set", f"source.{field}=none")
        yield Case(f"imagenet-s/{field} that is missing", _make(lambda folder: None), command, error("none"))


def _make(change: Change) -> Change:
    def make(folder: Path) -> None:
        bare_pack(folder)
        put(folder / "images" / WNID / "a.JPEG", encoded(photo(), "JPEG"))
        put(folder / "masks" / WNID / "a.png", encoded(Image.fromarray(drawn())))
        put(folder / "images" / WNID / "good.JPEG", encoded(photo(), "JPEG"))
        put(folder / "masks" / WNID / "good.png", encoded(Image.fromarray(drawn())))
        put(folder / "classes.csv", f"{HEAD}1,{WNID},goldfish\n")
        put(folder / "classes.txt", f"{WNID}\n")
        change(folder)

    return make


def drawn(value: int = 1, channels: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a mask as ImageNet-S stores it: the class's number in red and green."""
    found = np.zeros((HEIGHT, WIDTH, channels), np.uint8)
    found[16:48, 30:62, 0] = value % 256
    found[16:48, 30:62, 1 % channels] = value // 256 if channels > 1 else value
    return found


def _put(name: str, content: str | bytes) -> Change:
    return lambda folder: put(folder / name, content)


def _remove(name: str) -> Change:
    def remove(folder: Path) -> None:
        path = folder / name
        if path.is_dir():
            for inner in sorted(path.rglob("*"), reverse=True):
                inner.rmdir() if inner.is_dir() else inner.unlink()
            path.rmdir()
        else:
            path.unlink()

    return remove


def _changes() -> dict[str, tuple[Change, Expected, bool]]:
    mask = f"masks/{WNID}/a.png"
    identity = "a"
    unreadable = built(**{identity: "mask_unreadable"})
    found: dict[str, tuple[Change, Expected, bool]] = {
        "plain": (lambda folder: None, built(**{identity: ""}), True),
        "no images": (_remove("images"), error("images", "missing"), False),
        "no masks": (_remove("masks"), error("masks", "missing"), False),
        "no photograph": (_remove(f"images/{WNID}/a.JPEG"), built(**{identity: "source_unreadable"}), False),
        "an empty photograph": (_put(f"images/{WNID}/a.JPEG", b""), built(**{identity: "source_unreadable"}), False),
        "an empty mask": (_put(mask, b""), unreadable, True),
        "a grey mask": (_put(mask, encoded(Image.fromarray(drawn(1, 1)[..., 0]))), unreadable, True),
        "a mask of another class": (
            _put(mask, encoded(Image.fromarray(drawn(900)))),
            built(**{identity: "mask_empty"}),
            True,
        ),
        "a mask of another size": (
            _put(mask, encoded(Image.fromarray(drawn()[:, :50]))),
            built(**{identity: "mask_size_mismatch"}),
            True,
        ),
        "no index": (_remove("classes.csv"), error("classes.csv"), False),
        "a wnid that the index lacks": (_put("classes.csv", f"{HEAD}1,n00000001,thing\n"), error(WNID), False),
    }
    for name, content in _indexes().items():
        found[f"an index: {name}"] = (_put("classes.csv", content), error("classes.csv"), False)
    found["an empty index"] = found.pop("an index: empty")
    for name, text in {"empty": "", "binary": bytes(range(256)), "of words": "a b\nc\n", "NUL": f"{WNID}\0\n"}.items():
        found[f"a list of classes: {name}"] = (_put("classes.txt", text), error("classes.txt"), False)
    return found


def _indexes() -> dict[str, str | bytes]:
    return {
        "empty": "",
        "head alone": HEAD,
        "other columns": "a,b,c\n1,2,3\n",
        "index of words": f"{HEAD}one,{WNID},goldfish\n",
        "index below zero": f"{HEAD}-1,{WNID},goldfish\n",
        "index 10^9": f"{HEAD}1000000000,{WNID},goldfish\n",
        "UTF-16": f"{HEAD}1,{WNID},goldfish\n".encode("utf-16"),
        "NUL": f"{HEAD}1,{WNID},gold\0fish\n",
        "short row": f"{HEAD}1\n",
        "JSON": json.dumps({"1": [WNID, "goldfish"]}),
        "binary": bytes(range(256)) * 4,
    }
