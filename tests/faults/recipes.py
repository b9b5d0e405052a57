"""Recipes: encodings, depth, aliases, keys twice, numbers without bound, and wrong types in every field."""

from __future__ import annotations

import types
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tests.faults.case import Case, Expected, error, fine, nothing
from tests.faults.drawing import put

PLAIN = """name: mine
source: {kind: tabletop, count: 2}
generator:
  kind: attribute
  edits:
    - {name: original}
"""
QUICK = ("latin-1", "5,000 levels", "billion laughs", "a key twice", "count 1e9", "tabs", "a list", "an unknown key")


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, (content, expected) in {**_files(), **_keys(), **_numbers()}.items():
        make = partial(_put, content=content)
        yield Case(f"recipes/{name}", make, ("plan", "mine.yaml"), expected, name in QUICK)
    yield from _fields()


def _put(folder: Path, content: str | bytes) -> None:
    put(folder / "mine.yaml", content)


def _laughs(levels: int = 9) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def _files() -> dict[str, tuple[str | bytes, Expected]]:
    named = error("mine.yaml")
    deep = {f"{n:,} levels of {what}": text for n in (5_000, 30_000) for what, text in _deep(n).items()}
    return {
        "plain": (PLAIN, fine("original")),
        "empty": ("", error("mine.yaml", "mapping")),
        "a list": ("- a\n- b\n", error("mine.yaml", "mapping")),
        "a number": ("7", error("mine.yaml", "mapping")),
        "a text": ("imagenet-e", error("mine.yaml", "mapping")),
        "two documents": (f"{PLAIN}---\n{PLAIN}", named),
        "byte-order mark": (b"\xef\xbb\xbf" + PLAIN.encode(), fine("original")),
        "latin-1": ((PLAIN + "description: caf\xe9\n").encode("latin-1"), error("mine.yaml", "UTF-8")),
        "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), named),
        "UTF-16 with a mark": (PLAIN.encode("utf-16"), error("mine.yaml", "UTF-8")),
        "NUL": (PLAIN.replace("mine", "mi\0ne"), named),
        "binary": (bytes(range(256)), named),
        "zeros": (bytes(10_000), named),
        "tabs": (PLAIN.replace("    - ", "\t- "), error("mine.yaml", "line")),
        "a bracket never closed": (PLAIN.replace("count: 2}", "count: 2"), error("mine.yaml", "line")),
        "wrong indentation": (PLAIN.replace("  edits", " edits"), error("mine.yaml", "line")),
        "a Python object": ("name: !!python/object/apply:os.system [ls]\n", error("mine.yaml", "line")),
        "an unknown tag": ("name: !other x\n", error("mine.yaml", "line")),
        "an unknown alias": ("name: *other\n", error("mine.yaml", "line")),
        "an alias of itself": ("name: &a [*a]\n", named),
        "a mapping that holds itself": (f"{PLAIN}description: &a {{b: *a}}\n", named),
        "a source that holds itself": (
            PLAIN.replace("{kind: tabletop, count: 2}", "&a {kind: tabletop, count: *a}"),
            named,
        ),
        "billion laughs": (_laughs(), named),
        "billion laughs in a field": (f"{_laughs()}\n{PLAIN}guards: *a8\n", named),
        "a key that is a list": ("? [a, b]\n: c\n", named),
        "a key that is a number": (f"{PLAIN}7: x\n", named),
        "a key that is null": (f"{PLAIN}null: x\n", named),
        "a directive": ("%YAML 9.9\n---\n" + PLAIN, named),
        "anchors": (
            PLAIN.replace("count: 2}", "count: &n 2}").replace("name: mine", "seed: 2\nname: mine"),
            fine("original"),
        ),
        "merge keys": (
            PLAIN.replace("{kind: tabletop, count: 2}", "{<<: {kind: tabletop}, count: 2}"),
            fine("original"),
        ),
        "a megabyte of text": (f"{PLAIN}description: {'x' * (1 << 20)}\n", error("mine.yaml", "at most 200,000")),
        **{name: (text, error("mine.yaml", "levels")) for name, text in deep.items()},
    }


def _deep(levels: int) -> dict[str, str]:
    return {
        "brackets": f"a: {'[' * levels}{']' * levels}\n",
        "braces": f"{'{a: ' * levels}1{'}' * levels}\n",
        "brackets never closed": "[" * levels,
        "dashes": "- " * levels + "a\n",
    }


def _keys() -> dict[str, tuple[str, Expected]]:
    return {
        "a key twice": (f"{PLAIN}name: other\n", error("mine.yaml", "name", "twice", "line 7")),
        "an inner key twice": (PLAIN.replace("count: 2", "count: 2, count: 3"), error("count", "twice", "line 2")),
        "an edit's key twice": (
            PLAIN.replace("{name: original}", "{name: original, name: full}"),
            error("name", "line 6"),
        ),
        "a key and its quoted twin": (f'{PLAIN}"name": other\n', error("name", "twice", "line 7")),
        "an unknown key": (f"{PLAIN}nope: 1\n", error("mine.yaml", "nope: unknown key")),
        "an unknown key of the generator": (f"{PLAIN}  nope: 1\n", error("generator.nope: unknown key")),
        "an unknown key of an edit": (
            PLAIN.replace("{name: original}", "{name: original, nope: 1}"),
            error("nope: unknown key"),
        ),
        "an unknown key of the source": (PLAIN.replace("count: 2", "nope: 2"), error("source.nope: unknown key")),
        "a kind that is a list": (PLAIN.replace("attribute", "[a]"), error("mine.yaml", "generator", "not known")),
        "a guard's kind that is a list": (f"{PLAIN}guard: {{kind: [a]}}\n", error("mine.yaml", "guard")),
        "an unknown family": (PLAIN.replace("attribute", "nope"), error("mine.yaml", "'nope'")),
        "an unknown source": (PLAIN.replace("tabletop", "nope"), error("mine.yaml", "'nope'")),
        "an unknown edit": (PLAIN.replace("original", "nope"), error("mine.yaml", "'nope'")),
        "an unknown pack": (f"{PLAIN}models: nope\n", error("'nope'", "model pack")),
        "an unknown guard": (f"{PLAIN}guards: [{{name: nope}}]\n", error("guards: no guard 'nope'")),
        "a guard of another family": (f"{PLAIN}guard: {{kind: text}}\n", error("guard")),
        "no name": (PLAIN.replace("name: mine\n", ""), error("name: is missing")),
        "no source": ("name: mine\ngenerator: {kind: attribute}\n", error("source: is missing")),
        "no generator": ("name: mine\nsource: {kind: tabletop}\n", error("generator: is missing")),
        "a source without a kind": (PLAIN.replace("kind: tabletop, ", ""), error("source", "kind is missing")),
        "edits empty": (PLAIN.replace("\n    - {name: original}", " []"), error("edits")),
        "code without consent": (
            "name: mine\nsource: {kind: tabletop}\ngenerator:\n  kind: watermark\n"
            "  schemes: [{name: mine, factory: 'os:system', bits: 32}]\n  attacks: [{name: none, start: none}]\n",
            error("code", "--allow-code"),
        ),
    }


def _numbers() -> dict[str, tuple[str, Expected]]:
    def count(value: object) -> str:
        return PLAIN.replace("count: 2", f"count: {value}")

    return {
        "count 1e9": (count(1_000_000_000), error("source.count")),
        "count 1e9 as text": (count("1e9"), error("source.count: must be a whole number")),
        "count 1e9 as a float": (count("1.0e+9"), error("source.count")),
        "count 1e18": (count(10**18), error("source.count")),
        "count of 5,000 digits": (count("9" * 5000), error("mine.yaml")),
        "count in base 60": (count("1:00:00:00:00:00"), error("source.count")),
        "count -1": (count(-1), error("source.count: must be at least 1")),
        "count 0": (count(0), error("source.count: must be at least 1")),
        "count 1.5": (count(1.5), error("source.count: must be a whole number")),
        "count null": (count("null"), error("source.count: must be a whole number")),
        "count NaN": (count(".nan"), error("source.count")),
        "count infinite": (count(".inf"), error("source.count")),
        "count a date": (count("2024-01-01"), error("source.count: must be a whole number")),
        "count a set": (count("!!set {a}"), error("source.count: must be a whole number")),
        "start 1e18": (PLAIN.replace("count: 2", "count: 2, start: 1000000000000000000"), fine("original")),
        "replicas 1e9": (
            PLAIN.replace("name: original", "name: background, count: 1000000000"),
            error("edits", "count"),
        ),
        "levels without end": (
            PLAIN.replace("name: original", f"name: complexity, levels: [{', '.join(['1'] * 20_000)}]"),
            error("edits", "levels"),
        ),
        "shards 1e9": (f"{PLAIN}shards: 1000000000\n", error("shards: must be at most 100000")),
        "shards 0": (f"{PLAIN}shards: 0\n", error("shards: must be at least 1")),
        "seed 2^64": (f"{PLAIN}seed: {2**64}\n", error("seed: must be below")),
        "seed -1": (f"{PLAIN}seed: -1\n", error("seed: must be at least 0")),
        "seed of 5,000 digits": (f"{PLAIN}seed: {'9' * 5000}\n", error("mine.yaml")),
        "quota 1e9": (
            "name: mine\nsource: {kind: tabletop, count: 2}\ngenerator: {kind: synthesis, quota: 1000000000}\n",
            error("quota"),
        ),
        "captions 1e9": (
            "name: mine\nsource: {kind: tabletop-captions, captions: 1000000000}\n"
            "generator: {kind: text, edits: [{name: original}]}\n",
            error("source.captions"),
        ),
        "budget 1e9": (
            "name: mine\nsource: {kind: tabletop, count: 2}\n"
            "generator: {kind: fmr, networks: [vq], targets: [classifier], budget: 1000000000}\n",
            error("budget"),
        ),
    }


def _fields() -> Iterator[Case]:
    """Yield a value of the wrong type for every field of every family and source, of the recipe's own too."""
    from editmill.pipelines.recipe import Recipe
    from editmill.pipelines.registry import families
    from editmill.pipelines.sources.registry import SOURCES

    recipes = {"attribute": "demo", "text": "xmai", "watermark": "watermark", "fmr": "fmr", "synthesis": "imagenet-g"}
    for kind, family in families().items():
        for part, model in (("generator", family.settings), ("guard", family.guard)):
            for path, info in _leaves(model):
                yield from _wrong(recipes[kind], kind, f"{part}.{path}", info)
    for kind, source in SOURCES.loaded().items():
        for path, info in _leaves(source.spec_type):
            yield _source_field(kind, path, info)
    for path, info in _leaves(Recipe):
        if "." not in path and path not in ("source", "generator", "guard"):
            yield from _wrong("demo", "recipe", path, info)


def _source_field(kind: str, path: str, info: FieldInfo) -> Case:
    required = {"folder": "labels", "coco": "instances", "imagenet-s": "root", "coco-captions": "captions"}
    given = {**required, "xmai-csv": "captions", "jsonl": "file", "webdataset": "shards", "images": "root"}
    name = given.get(kind)
    start = f"kind: {kind}" + (f", {name}: x" if name and name != path else "")
    command = ("show", "demo", "--set", f"source={{{start}, {path}: {_bad(info)}}}")
    return Case(f"fields/source {kind}.{path}", nothing, command, error(f"source.{path}: "))


def _wrong(recipe: str, kind: str, path: str, info: FieldInfo) -> Iterator[Case]:
    bad = _bad(info)
    # The top of a value that holds others names them, not itself.
    yield Case(f"fields/{kind} {path}", nothing, ("show", recipe, "--set", f"{path}={bad}"), error(f"{path}"))


def _bad(info: FieldInfo) -> str:
    """Return YAML that a field refuses."""
    words = str(info.annotation)
    return "[{}]" if "str" in words or "Path" in words or "Literal" in words else "{a: [b]}"


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield every field of a model and of the models in it, by its path; those in lists have none."""
    for name, info in model.model_fields.items():
        # Kinds tell models apart and are told of by themselves.
        if name != "kind":
            yield f"{prefix}{name}", info
        for inner in _models(info.annotation):
            yield from _leaves(inner, f"{prefix}{name}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _models(part)
