"""Model packs: what the file is, its roles, and the folders of weights that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.case import Case, Expected, error
from tests.faults.drawing import labelled, put, put_json

ROLE = {"cls": "diffusers.StableDiffusionInpaintPipeline", "path": "weights", "licence": "CC0"}
PLAIN: dict[str, Any] = {"name": "mine", "description": "", "roles": {"inpaint": ROLE}, "backgrounds": []}
BUILD = (
    "build",
    "imagenet-e",
    "--source",
    "folder:labels.csv",
    "--models",
    "mine.yaml",
    "--device",
    "cpu",
    "--workers",
    "1",
)
ORIGINAL = ("--set", "generator.edits=[{name: original}]", "--out", "out")
QUICK = ("a list", "no roles", "weights missing")


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, (content, expected) in {**_files(), **_fields()}.items():
        make = partial(_pack, content=content)
        yield Case(f"packs/{name}", make, ("plan", "imagenet-e", "--models", "mine.yaml"), expected, name in QUICK)
    for name, (fill, expected) in _weights().items():
        yield Case(f"packs/{name}", partial(_with_weights, fill=fill), (*BUILD, *ORIGINAL), expected, name in QUICK)
    yield Case(
        "packs/an unknown name", lambda folder: None, ("plan", "imagenet-e", "--models", "nope"), error("'nope'")
    )


def _pack(folder: Path, content: str | bytes | dict[str, Any]) -> None:
    if isinstance(content, dict):
        put_json(folder / "mine.yaml", content)
    else:
        put(folder / "mine.yaml", content)


def _files() -> dict[str, tuple[Any, Expected]]:
    named = error("mine.yaml")
    return {
        "empty": ("", error("mine.yaml", "mapping")),
        "a list": ("[]", error("mine.yaml", "mapping")),
        "a number": ("7", error("mine.yaml", "mapping")),
        "no YAML": ("name: [", named),
        "latin-1": (b"name: caf\xe9", error("mine.yaml", "UTF-8")),
        "UTF-16": ("name: mine".encode("utf-16"), error("mine.yaml", "UTF-16")),
        "30,000 levels": ("[" * 30_000, error("mine.yaml", "levels")),
        "a key twice": ("name: a\nname: b\n", error("mine.yaml", "twice", "line 2")),
        "binary": (bytes(range(256)), named),
    }


def _fields() -> dict[str, tuple[Any, Expected]]:
    def role(**changes: Any) -> dict[str, Any]:
        return {**PLAIN, "roles": {"inpaint": {**ROLE, **changes}}}

    def without(name: str) -> dict[str, Any]:
        return {key: value for key, value in PLAIN.items() if key != name}

    return {
        "no roles": (without("roles"), error("mine.yaml", "roles: is missing")),
        "no name": (without("name"), error("mine.yaml", "name: is missing")),
        "an unknown key": ({**PLAIN, "nope": 1}, error("mine.yaml", "nope: unknown key")),
        "roles a list": ({**PLAIN, "roles": []}, error("mine.yaml", "roles: must hold fields")),
        "a role of text": ({**PLAIN, "roles": {"inpaint": "x"}}, error("mine.yaml", "roles.inpaint: must hold fields")),
        "a role with an unknown key": (role(nope=1), error("mine.yaml", "roles.inpaint.nope: unknown key")),
        "path and repo": (role(repo="a/b", revision="0" * 40), error("mine.yaml", "roles.inpaint", "path")),
        "neither path nor repo": (role(path=""), error("mine.yaml", "roles.inpaint", "path")),
        "a branch as revision": (role(path="", repo="a/b", revision="main"), error("mine.yaml", "full commit")),
        "a class without a package": (role(cls="Pipeline"), error("mine.yaml", "package")),
        "steps of words": ({**PLAIN, "steps": "many"}, error("mine.yaml", "steps: must be a whole number")),
        "guidance NaN": ({**PLAIN, "guidance": []}, error("mine.yaml", "guidance: must be a number")),
        "a size above 1": (
            {**PLAIN, "object_sizes": {"cup": {"mask": 2, "box": 0.5}}},
            error("mine.yaml", "at most 1"),
        ),
        "a group of one word": (
            {**PLAIN, "attributes": {"colour": {"words": ["red"]}}},
            error("mine.yaml", "2 or more"),
        ),
    }


def _with_weights(folder: Path, fill: Callable[[Path], object]) -> None:
    labelled(folder, name="good.png")
    put_json(folder / "mine.yaml", PLAIN)
    fill(folder)


def _weights() -> dict[str, tuple[Callable[[Path], object], Expected]]:
    return {
        "weights missing": (lambda folder: None, error("weights", "inpaint")),
        "weights a file": (lambda folder: put(folder / "weights", b"x"), error("weights")),
        "weights an empty folder": (lambda folder: (folder / "weights").mkdir(), error("weights")),
        "weights with other files": (lambda folder: put(folder / "weights" / "readme.md", b"x"), error("weights")),
    }
