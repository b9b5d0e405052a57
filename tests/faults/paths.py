"""Paths that no file system has, and addresses of the network where only local files work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.case import Case, Expected, error
from tests.faults.drawing import ORIGINAL, bare_pack, encoded, mask, photo, put

URLS = ("s3://bucket/x", "gs://bucket/x", "http://example.org/x", "https://example.org/x", "hf://org/x", "file:///x")
LONG = "n" * 300
ODD = {"NUL": "a\0b", "half a surrogate": "a\udcffb", "an over-long name": LONG, "an over-long path": "n/" * 2100 + "x"}
QUICK = ("labels s3://", "out s3://", "dataset s3://", "labels NUL", "recipe NUL")
Command = Callable[[str], tuple[str, ...]]


def cases() -> Iterator[Case]:
    """Yield every odd path and address in every place."""
    for place, (command, ending) in {**_inputs(), **_outputs()}.items():
        # Datasets are read over the network, where a protocol's package is installed; a test must not try.
        for url in URLS[:2] if place.startswith("dataset") else URLS:
            kind = url.partition("//")[0] + "//"
            name = f"{place} {kind}"
            yield Case(f"urls/{name}", _make, command(url + ending), error(kind), name in QUICK)
        for kind, path in ODD.items():
            name = f"{place} {kind}"
            yield Case(f"paths/{name}", _make, command(path + ending), error(), name in QUICK)
    for place, (command, ending) in _inputs().items():
        # The empty path is the folder that the command runs in, which holds no dataset.
        yield Case(f"paths/{place} empty", _make, command(ending), _empty(place))
        yield Case(f"paths/{place} missing", _make, command(f"none{ending}"), error("none"))


def _empty(place: str) -> Expected:
    if place == "dataset verified":
        return Expected(1, ("manifest.json",), fix=False, listed=True)
    return error(code=1 if place.startswith("dataset") else 2)


def _make(folder: Path) -> None:
    bare_pack(folder)
    put(folder / "good.png", encoded(photo()))
    put(folder / "mask.png", encoded(mask()))
    put(folder / "labels.csv", "file,mask,label_index\ngood.png,mask.png,0\n")


def _inputs() -> dict[str, tuple[Command, str]]:
    def source(kind: str, recipe: str = "imagenet-e") -> Command:
        return lambda path: ("plan", recipe, "--source", f"{kind}:{path}")

    return {
        "labels": (source("folder"), ".csv"),
        "instances": (source("coco"), ".json"),
        "captions": (source("coco-captions", "xmai"), ".json"),
        "lines": (source("jsonl", "xmai"), ".jsonl"),
        "shards": (source("webdataset", "xmai"), ".tar"),
        "tree": (source("imagenet-s"), ""),
        "pictures": (source("images", "watermark"), ""),
        "recipe": (lambda path: ("plan", path), ".yaml"),
        "pack": (lambda path: ("plan", "imagenet-e", "--models", path), ".yaml"),
        "dataset verified": (lambda path: ("verify", path), ""),
        "dataset evaluated": (lambda path: ("evaluate", path), ""),
        "dataset exported": (lambda path: ("export", path, "--format", "imagenet-e", "--to", "new"), ""),
        "dataset regated": (lambda path: ("regate", path, "--set", "guard.mask_iou=0.9", "--out", "new"), ""),
        "dataset of keys": (lambda path: ("keys", path), ""),
    }


def _outputs() -> dict[str, tuple[Command, str]]:
    build = ("build", "imagenet-e", "--source", "folder:labels.csv", "--models", "bare.yaml", "--device", "cpu")
    return {
        "out": (lambda path: (*build, "--workers", "1", *ORIGINAL, "--out", path), ""),
        "preview": (lambda path: ("preview", "imagenet-e", "--source", "folder:labels.csv", "--out", path), ".png"),
        "guards": (lambda path: ("calibrate", "imagenet-g", "--out", path), ""),
        "masks": (lambda path: ("masks", "folder:labels.csv", "--to", path), ""),
    }
