"""Datasets as inputs: nothing, files, empty folders, half datasets and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.faults.case import Case, Expected, error
from tests.faults.drawing import put
from tests.manifests.builder import build_dataset

QUICK = ("verify nothing", "evaluate nothing", "verify an empty folder", "export a file")


def tiny(folder: Path) -> Path:
    """Write a whole dataset of flat pictures to ``data``."""
    build_dataset(folder / "data")
    return folder / "data"


def cases() -> Iterator[Case]:
    """Yield every damage with every command that reads datasets."""
    for command, arguments in _commands().items():
        for name, (make, says) in _damages().items():
            expected = _expected(command, name, says)
            full = f"{command} {name}"
            yield Case(f"datasets/{full}", make, arguments, expected, full in QUICK)


def _expected(command: str, damage: str, says: tuple[str, ...]) -> Expected:
    if damage in ("nothing", "a file"):
        return error("data")
    # What is wrong inside a folder is told by the name of the file.
    parts = ("manifest.json",) if command == "verify" else says
    return Expected(1, parts, fix=command != "verify", listed=command == "verify")


def _commands() -> dict[str, tuple[str, ...]]:
    return {
        "verify": ("verify", "data"),
        "evaluate": ("evaluate", "data", "--model", "none.module:function"),
        "export": ("export", "data", "--format", "imagenet-e", "--to", "new"),
        "regate": ("regate", "data", "--set", "guard.mask_iou=0.9", "--out", "new"),
        "keys": ("keys", "data"),
    }


def _damages() -> dict[str, tuple[Callable[[Path], object], tuple[str, ...]]]:
    return {
        "nothing": (lambda folder: None, ("data",)),
        "a file": (partial(_write, name="data", content="text"), ("data",)),
        "an empty folder": (lambda folder: (folder / "data").mkdir(), ("data",)),
        "a folder of other files": (partial(_write, name="data/readme.txt", content="text"), ("data",)),
        "an unfinished dataset": (partial(_damage, name="manifest.json", content=None), ("manifest.json",)),
        "an empty manifest": (partial(_damage, name="manifest.json", content=""), ("manifest.json",)),
        "a manifest that is no JSON": (partial(_damage, name="manifest.json", content="{"), ("manifest.json",)),
        "a manifest of a list": (partial(_damage, name="manifest.json", content="[]"), ("manifest.json",)),
        "a manifest of 100,000 levels": (
            partial(_damage, name="manifest.json", content="[" * 100_000 + "]" * 100_000),
            ("manifest.json",),
        ),
        "a manifest in UTF-16": (
            partial(_damage, name="manifest.json", content="{}".encode("utf-16")),
            ("manifest.json",),
        ),
        "a manifest of another format": (partial(_edited, format="other"), ("manifest.json",)),
    }


def _write(folder: Path, name: str, content: str | bytes) -> None:
    put(folder / name, content)


def _damage(folder: Path, name: str, content: str | bytes | None) -> None:
    path = tiny(folder) / name
    if content is None:
        path.unlink()
    else:
        put(path, content)


def _edited(folder: Path, **changes: object) -> None:
    path = tiny(folder) / "manifest.json"
    put(path, json.dumps({**json.loads(path.read_bytes()), **changes}))
