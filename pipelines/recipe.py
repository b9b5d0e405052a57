"""Recipes: one validated document that says what a dataset is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from editmill.generators.attribute.settings import AttributeSettings
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.settings import GuardSettings
from editmill.generators.synthesis.conditioning import SynthesisSettings
from editmill.generators.synthesis.fmr import FmrSettings
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.generators.watermark.settings import WatermarkGuardSettings, WatermarkSettings
from editmill.manifests.errors import RecipeError
from editmill.manifests.records import DatasetName, SplitName, Version
from editmill.pipelines.sources import AnySpec, SourceSpec, parse_source
from editmill.pipelines.wording import say, without_consequences

RECIPES = resources.files("editmill.pipelines") / "recipes"


GeneratorSettings = Annotated[
    AttributeSettings | TextSettings | WatermarkSettings | FmrSettings | SynthesisSettings, Field(discriminator="kind")
]
GuardRules = Annotated[
    GuardSettings | TextGuardSettings | WatermarkGuardSettings | EnsembleSettings, Field(discriminator="kind")
]
# The kind of a recipe that names none.
DEFAULT_KIND = "attribute"
# The kind of guard where it is not the generator's own.
GUARD_KINDS = {"fmr": "ensemble", "synthesis": "ensemble"}


class OutputSettings(BaseModel):
    """How samples are stored. ``png`` and ``webp`` are lossless.

    ``jpg`` (quality 95) keeps object bytes only approximately.

    ``reference`` stores no pictures beside edited captions, but their names and digests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Literal["png", "webp", "jpg", "reference"] = "png"


class CalibrationSettings(BaseModel):
    """Clean labelled sources, used for nothing else, on which a guard ensemble is calibrated before anything is built.

    Attributes:
        source: Where they come from.
        remove_every: Of one in so many sources the object is removed, which takes longest.
        seed: Of partners, cards and noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: SourceSpec
    remove_every: int = Field(6, ge=1)
    seed: int = Field(0, ge=0, lt=2**63)


class Recipe(BaseModel):
    """A dataset's recipe. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: DatasetName
    version: Version = "1.0.0"
    description: str = ""
    seed: int = Field(0, ge=0, lt=2**63)
    source: SourceSpec
    models: str = "tabletop"
    generator: GeneratorSettings
    guard: GuardRules
    calibration: CalibrationSettings | None = None
    output: OutputSettings = OutputSettings()
    split: SplitName = "test"
    shards: int = Field(2, ge=1, le=100_000)

    @model_validator(mode="before")
    @classmethod
    def _same_kind(cls, values: Any) -> Any:
        """Return the guard's kind goes with the generator's, which is ``attribute`` where none is named."""
        if (
            not isinstance(values, dict)
            or not isinstance(values.get("generator"), dict)
            or not isinstance(values.get("guard", {}), dict)
        ):
            return values
        generator = {"kind": DEFAULT_KIND, **values["generator"]}
        return {
            **values,
            "generator": generator,
            "guard": {"kind": guard_kind(generator["kind"]), **values.get("guard", {})},
        }

    @model_validator(mode="after")
    def _check_output(self) -> Recipe:
        if self.calibration is not None and not isinstance(self.guard, EnsembleSettings):
            raise ValueError(
                "calibration is for guard ensembles; the guards of this generator have limits of their own"
            )
        if self.guard.kind != guard_kind(self.generator.kind):
            raise ValueError(
                f"guard.kind is {self.guard.kind}, but the generator's is {self.generator.kind}; leave guard.kind out"
            )
        if isinstance(self.guard, WatermarkGuardSettings) and self.output.image != "png":
            raise ValueError(
                "attacked pictures are stored as png; what a codec does to a mark is an attack's codec and quality"
            )
        if isinstance(self.generator, SynthesisSettings) and self.output.image != "png":
            raise ValueError("generated pictures are stored as png")
        if isinstance(self.generator, FmrSettings) and self.output.image != "png":
            raise ValueError("ascended pictures are stored as png, whose bytes the guards judged")
        if isinstance(self.guard, GuardSettings):
            if self.output.image == "reference":
                raise ValueError(
                    "output.image reference is for captions; edited pictures have to be stored: use png, webp or jpg"
                )
            if self.output.image == "jpg" and not self.guard.object_difference:
                raise ValueError(
                    "jpg can't keep object bytes: set guard.object_difference, such as 24, or use png or webp"
                )
        return self

    def document(self) -> dict[str, Any]:
        """Return the resolved recipe as JSON values."""
        return self.model_dump(mode="json")

    def portable(self) -> dict[str, Any]:
        """Return the resolved recipe without folders of this machine: paths are cut to their names."""
        document = self.document()
        document["source"] = _without_folders(self.source, document["source"])
        if self.calibration is not None:
            document["calibration"]["source"] = _without_folders(
                self.calibration.source, document["calibration"]["source"]
            )
        return document


def _without_folders(spec: AnySpec, document: dict[str, Any]) -> dict[str, Any]:
    paths = {name for name, value in spec if isinstance(value, Path)}
    return {name: Path(value).name if name in paths else value for name, value in document.items()}


def guard_kind(generator: Any) -> Any:
    """Return the kind of guard that goes with a kind of generator."""
    return GUARD_KINDS.get(generator, generator) if isinstance(generator, str) else generator


def recipe_names() -> list[str]:
    """Return names of the recipes that come with editmill."""
    return sorted(entry.name.removesuffix(".yaml") for entry in RECIPES.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name_or_path: str, *, source: str = "", models: str = "", overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name or path and apply the command line's changes.

    Args:
        name_or_path: A name from ``recipe_names`` or a YAML file.
        source: As ``--source``; replaces the recipe's source.
        models: Name of a pack; replaces the recipe's.
        overrides: ``a.b=value`` pairs; values are YAML.

    Raises:
        RecipeError: The recipe is missing or not valid, or an override names no field.
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
        raise RecipeError(
            f"no recipe {name_or_path!r}", fix=f"use one of {', '.join(recipe_names())}, or the path of a .yaml file"
        ) from error
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


def _place(location: tuple[str | int, ...]) -> str:
    """Return where a problem is, in the recipe's own keys: the kinds by which alternatives are told apart are none."""
    tagged = location[:1] in (("source",), ("generator",), ("guard",))
    return ".".join(str(part) for position, part in enumerate(location) if not (tagged and position == 1))


def _describe(error: ValidationError) -> str:
    lines = [
        f"{_place(problem['loc']) or 'recipe'}: {say(problem)}" for problem in without_consequences(error.errors())
    ]
    return (
        f"the recipe is not valid: {lines[0]}"
        if len(lines) == 1
        else "\n  - ".join(("the recipe is not valid:", *lines))
    )
