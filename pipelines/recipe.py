"""Recipes: one validated document that says what a dataset is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generators.attribute.settings import AttributeSettings
from manifests.errors import RecipeError
from manifests.records import DatasetName, SplitName, Version
from pipelines.sources import SourceSpec, parse_source

RECIPES = resources.files("pipelines") / "recipes"


class GuardSettings(BaseModel):
    """Limits that a candidate has to keep.

    Attributes:
        object_difference: largest allowed difference of an object byte.
        area_tolerance: largest allowed difference between planned and realised share of the object.
        label_margin: least margin of the labelled class over any other, where the judge recognised the source.
        attempts: candidates per planned sample; only edits with fresh noise are retried.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    object_difference: int = Field(0, ge=0, le=255)
    area_tolerance: float = Field(0.005, gt=0, lt=1)
    label_margin: float = Field(0.0, ge=-1, le=1)
    attempts: int = Field(3, ge=1, le=20)


class OutputSettings(BaseModel):
    """How samples are stored. ``png`` and ``webp`` are lossless; ``jpg`` (quality 95) keeps object bytes only approximately."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Literal["png", "webp", "jpg"] = "png"


class Recipe(BaseModel):
    """A dataset's recipe. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: DatasetName
    version: Version = "1.0.0"
    description: str = ""
    seed: int = Field(0, ge=0, lt=2**63)
    source: SourceSpec
    models: str = "tabletop"
    generator: AttributeSettings
    guard: GuardSettings = GuardSettings()
    output: OutputSettings = OutputSettings()
    split: SplitName = "test"
    shards: int = Field(2, ge=1, le=100_000)

    def document(self) -> dict[str, Any]:
        """The resolved recipe as JSON values."""
        return self.model_dump(mode="json")

    def portable(self) -> dict[str, Any]:
        """The resolved recipe without folders of this machine: paths are cut to their names."""
        document = self.document()
        paths = {name for name, value in self.source if isinstance(value, Path)}
        document["source"] = {name: Path(value).name if name in paths else value for name, value in document["source"].items()}
        return document


def recipe_names() -> list[str]:
    """Names of the recipes that come with editmill."""
    return sorted(entry.name.removesuffix(".yaml") for entry in RECIPES.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name_or_path: str, *, source: str = "", models: str = "", overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name or path and apply the command line's changes.

    Args:
        name_or_path: a name from ``recipe_names`` or a YAML file.
        source: as ``--source``; replaces the recipe's source.
        models: name of a pack; replaces the recipe's.
        overrides: ``a.b=value`` pairs; values are YAML.

    Raises:
        RecipeError: the recipe is missing or not valid, or an override names no field.
    """
    document = _read_document(name_or_path)
    if source:
        document["source"] = parse_source(source)
    if models:
        document["models"] = models
    for override in overrides:
        _apply(document, override)
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        fix = "`editmill show imagenet-e` prints a valid recipe; docs/recipes.md explains the fields"
        raise RecipeError(_describe(error), where=name_or_path, fix=fix) from error


def _read_document(name_or_path: str) -> dict[str, Any]:
    path = Path(name_or_path)
    try:
        entry = path if path.suffix in (".yaml", ".yml") else RECIPES / f"{name_or_path}.yaml"
        document = yaml.safe_load(entry.read_text())
    except OSError as error:
        raise RecipeError(f"no recipe {name_or_path!r}", fix=f"use one of {', '.join(recipe_names())}, or the path of a .yaml file") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"the recipe is not valid YAML: {error}", where=name_or_path) from error
    if not isinstance(document, dict):
        raise RecipeError("the recipe is not a mapping", where=name_or_path)
    return document


def _apply(document: dict[str, Any], override: str) -> None:
    name, separator, value = override.partition("=")
    if not separator or not name:
        raise RecipeError(f"{override!r} is not of the form a.b=value", where="--set")
    *parents, last = name.split(".")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise RecipeError(f"{name!r}: {parent!r} has no fields", where="--set")
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"{override!r}: the value is not valid YAML", where="--set") from error


def _describe(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"]) or "recipe"
        message = "unknown key" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"{place}: {message}")
    return "the recipe is not valid: " + "; ".join(lines)
