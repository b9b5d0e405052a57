"""Recipes: one validated document that says what a dataset is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from generators.attribute.settings import AttributeSettings
from manifests.errors import RecipeError
from manifests.records import DatasetName, SplitName, Version
from pipelines.sources import SourceSpec, parse_source

RECIPES = resources.files("pipelines") / "recipes"
# Roles that nothing is evaluated with: classifiers and the evaluation encoder may not choose the pictures that they are measured on.
JudgeRole = Literal["zero_shot", "zero_shot_2"]


class GuardSettings(BaseModel):
    """Limits that a candidate has to keep; docs/imagenet-e.md says how each is measured, and ``editmill audit`` measures what they catch.

    Attributes:
        attempts: candidates per planned sample; only edits with fresh noise are retried.
        judges: roles that judge labels and removals; those that the pack lacks stay silent.
        least_share, most_share: limits of the object's share of the source's frame.
        least_component: least share of the object that its largest connected part holds.
        border: least pixels between the object's box and the frame in geometric edits; 0 allows objects that the frame cuts off.
        object_difference: largest allowed difference of an object byte.
        area_tolerance: largest allowed difference between planned and realised share of the object.
        centroid_tolerance: largest allowed distance in pixels of the object's centroid from where the recorded matrix puts it.
        angle_tolerance: largest allowed difference in degrees between planned and recorded angle.
        contrast: least standard deviation of the picture's bytes.
        black: largest share of newly black pixels.
        correlation: least correlation of neighbouring background pixels.
        background_change: least mean change of a replaced background in grey levels.
        removal_probability: P(class) against nothing from which a judge still sees a removed object.
        detection: score above which a detection counts.
        mask_iou: least IoU of the re-segmented and the intended object, apart from one pixel on either side of its outline.
        small_mask_iou: the same for objects below 3 % of the frame.
        expansion: largest area that the re-segmented object has beyond the intended one's outline, as a share of it, above that in the source.
        halo: largest mean excess of a line along the outline over what lies on both sides of it, in grey levels.
        halo_ratio: a halo of up to this many times the source's is allowed as well.
        complexity_margin: by how many grey levels a complexity edit has to move the background's mid frequencies in its direction.
        label_margin: least margin of the labelled class over any other, where the judge recognised the source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(3, ge=1, le=20)
    judges: tuple[JudgeRole, ...] = Field(("zero_shot", "zero_shot_2"), max_length=2)
    least_share: float = Field(0.01, ge=0, le=1)
    most_share: float = Field(0.6, ge=0, le=1)
    least_component: float = Field(0.9, ge=0, le=1)
    border: int = Field(0, ge=0)
    object_difference: int = Field(0, ge=0, le=255)
    area_tolerance: float = Field(0.005, gt=0, lt=1)
    centroid_tolerance: float = Field(1.0, gt=0)
    angle_tolerance: float = Field(1.0, gt=0, le=180)
    contrast: float = Field(2.0, ge=0)
    black: float = Field(0.02, ge=0, le=1)
    correlation: float = Field(0.3, ge=-1, le=1)
    background_change: float = Field(4.0, ge=0, le=255)
    removal_probability: float = Field(0.1, gt=0, le=1)
    detection: float = Field(0.3, gt=0, lt=1)
    mask_iou: float = Field(0.9, ge=0, le=1)
    small_mask_iou: float = Field(0.8, ge=0, le=1)
    expansion: float = Field(0.03, ge=0)
    halo: float = Field(8.0, ge=0, le=255)
    halo_ratio: float = Field(1.5, ge=0)
    complexity_margin: float = Field(0.0, ge=0)
    label_margin: float = Field(0.0, ge=-1, le=1)


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

    @model_validator(mode="after")
    def _check_lossy(self) -> Recipe:
        if self.output.image == "jpg" and not self.guard.object_difference:
            raise ValueError("jpg can't keep object bytes: set guard.object_difference, such as 24, or use png or webp")
        return self

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
