"""The reference of settings, from the pydantic models of recipes: default, values, and what their docstrings say."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from docs.site.markdown import code, table
from editmill.generators.base.family import Family
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.registry import families
from editmill.pipelines.sources.registry import SOURCES

Schema = dict[str, Any]
# Models under the headings of their tables.
Parts = list[tuple[str, type[BaseModel]]]
ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): ")
HEAD = "Written from the code by `make docs`. `editmill show RECIPE` prints a recipe with every setting resolved.\n\n"
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "none"}


def setting_pages() -> dict[str, str]:
    """Return the pages by their paths: the recipe, the sources, and one page per family."""
    sources: Parts = [(f"source.kind: {kind}", source.spec_type) for kind, source in SOURCES.loaded().items()]
    pages = {
        "recipe": _page("Settings of a recipe", [("", Recipe)]),
        "sources": _page("Settings of sources", sources),
        **{kind: _family(kind, family) for kind, family in families().items()},
    }
    return {f"docs/reference/settings/{name}.md": text for name, text in pages.items()}


def _family(kind: str, family: Family[Any, Any]) -> str:
    return _page(
        f"Settings of the family {kind}", [(f"generator.kind: {kind}", family.settings), ("guard", family.guard)]
    )


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a model and its bases say of each field."""
    found = {"kind": "Which of the alternatives this is."}
    for cls in reversed(model.__mro__):
        found.update(_attributes(inspect.cleandoc(cls.__dict__.get("__doc__") or "")))
    return found


def _attributes(docstring: str) -> dict[str, str]:
    found: dict[str, str] = {}
    names: list[str] = []
    for line in docstring.partition("Attributes:\n")[2].splitlines():
        if entry := ENTRY.match(line):
            names = entry[1].split(", ")
            line = line[entry.end() :]
        for name in names:
            found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models of a model's fields, at any depth; unions of kinds have pages of their own."""
    for field in model.model_fields.values():
        if not field.discriminator:
            for inner in _models(field.annotation):
                yield inner
                yield from nested(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _page(title: str, parts: Parts) -> str:
    text = f"# {title}\n\n{HEAD}"
    for heading, model in parts:
        text += f"## {heading}\n\n" if heading else ""
        text += _model(model)
        for inner in dict.fromkeys(nested(model)):
            text += f"### {inner.__name__}\n\n{_model(inner)}"
    return text


def _model(model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    said = descriptions(model)
    rows = []
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _value(field.get_default(call_default_factory=True))
        values = _values(schema["properties"][name], schema.get("$defs", {}))
        rows.append((f"`{name}`", code(said[name]), values, default))
    prose = inspect.cleandoc(model.__doc__ or "").partition("Attributes:")[0]
    return f"{code(prose).strip()}\n\n" + table(("setting", "meaning", "values", "default"), rows) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "as below"
    plain = to_jsonable_python(value)
    return {"": "empty", "null": "none"}.get(plain if plain == "" else json.dumps(plain), f"`{_yaml(plain)}`")


def _yaml(plain: Any) -> str:
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{key}: {_yaml(value)}" for key, value in plain.items()) + "}"
    if isinstance(plain, list):
        return "[" + ", ".join(map(_yaml, plain)) + "]"
    return plain if isinstance(plain, str) and plain else json.dumps(plain, ensure_ascii=False)


def _values(schema: Schema, known: Schema) -> str:
    """Return what a field takes, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if known[name]["type"] == "object" else _values(known[name], known)
    if "discriminator" in schema:
        return ", ".join(f"`{kind}`" for kind in schema["discriminator"]["mapping"])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_values(one, known) for one in alternatives)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" if one else "empty" for one in schema["enum"])
    return _plain(schema, known)


def _plain(schema: Schema, known: Schema) -> str:
    if "prefixItems" in schema:
        return "list of " + " and ".join(_values(one, known) for one in schema["prefixItems"])
    if schema.get("type") == "array":
        return f"list of {_values(schema['items'], known)}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return "mapping" + (f" to {_values(inner, known)}" if isinstance(inner, dict) else "")
    words = schema.get("format") or WORDS.get(schema.get("type", ""), "anything")
    bounds = [f"{sign} {_number(schema[bound])}" for bound, sign in BOUNDS.items() if bound in schema]
    return " ".join([words, " and ".join(bounds)]).strip()


def _number(bound: float) -> str:
    return "2^63" if bound == 2**63 else f"{bound:g}"
