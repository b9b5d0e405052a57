"""Recipes: one validated document that says what a dataset is."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from editmill.generators.base.family import Asked, Family, Settings
from editmill.generators.base.guards import GuardEntry
from editmill.generators.base.sources import Names
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import RecipeError, RequestError
from editmill.manifests.files import refuse_url
from editmill.manifests.plugins import install_hint
from editmill.manifests.records import DatasetName, SplitName, Version, released_name
from editmill.manifests.unions import one_of
from editmill.manifests.wording import say, without_consequences
from editmill.manifests.yaml_text import YamlProblem, parse_yaml, read_yaml
from editmill.pipelines.registry import GUARDS, families, family_of
from editmill.pipelines.sharding import MOST_SHARDS
from editmill.pipelines.sources import SourceSpec, parse_source
from editmill.pipelines.sources.registry import SOURCES

logger = logging.getLogger("editmill.recipe")

# The unions are known only when the families are loaded, which type checkers can't do.
if TYPE_CHECKING:
    GeneratorSettings = Settings
    GuardRules = Settings
else:
    GeneratorSettings = one_of(family.settings for family in families().values())
    GuardRules = one_of(family.guard for family in families().values())
# The kind of a recipe that names none.
DEFAULT_KIND = "attribute"


# Told apart before validation, so that a bad number is refused as such.
Shards = Annotated[
    Annotated[int, Field(ge=1, le=MOST_SHARDS), Tag("int")] | Annotated[Literal["auto"], Tag("literal")],
    Discriminator(lambda value: "literal" if value == "auto" else "int"),
]


class OutputSettings(BaseModel):
    """How samples are stored.

    Attributes:
        image: ``png`` and ``webp`` are lossless; ``jpg`` (quality 95) keeps object bytes only approximately;
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
    """A dataset's recipe. Unknown keys are errors.

    Attributes:
        name: Of the dataset: lower-case letters and digits, with single hyphens or underscores between them.
        version: Of the dataset, as MAJOR.MINOR.PATCH.
        description: One paragraph for the card and the list of recipes; no byte of a sample depends on it.
        published: The day that the metadata of the dataset names as that of its publication; a build reads no clock.
        seed: All draws and all noise derive from it.
        source: Where the pictures come from.
        models: Model pack: a name that ``editmill models`` lists, or the path of a YAML file.
        generator: What is made of every source; its ``kind`` is the family.
        guard: What a sample has to pass; its ``kind`` follows from the generator's and may be left out.
        guards: Guards of installed packages, asked after the family's own.
        calibration: Clean sources that set the limits of a guard ensemble; none for the gates' own limits.
        classes: Names that judges without a list of their own choose among; empty for those of the sources, whose
            change then makes anew what these judges saw.
        output: How samples are stored.
        split: Folder of the shards.
        shards: Number of shards; ``auto`` chooses by estimated cost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: DatasetName
    version: Version = "1.0.0"
    description: str = ""
    published: date | None = None
    seed: int = Field(0, ge=0, lt=2**63)
    source: SourceSpec
    models: str = "tabletop"
    generator: GeneratorSettings
    guard: GuardRules
    guards: tuple[GuardEntry, ...] = ()
    calibration: CalibrationSettings | None = None
    # A judge would divide what it gives a class between two of one name.
    classes: Names = ()
    output: OutputSettings = OutputSettings()
    split: SplitName = "test"
    shards: Shards = "auto"

    @model_validator(mode="before")
    @classmethod
    def _same_kind(cls, values: Any) -> Any:
        """Fill in the guard's kind, which goes with the generator's; that is ``attribute`` where none is named."""
        if (
            not isinstance(values, dict)
            or not isinstance(values.get("generator"), dict)
            or not isinstance(values.get("guard", {}), dict)
        ):
            return values
        if not isinstance(values["generator"].get("kind", ""), str):
            return values
        # Before validation, because kinds tell the alternatives apart and users may leave them out.
        generator = {"kind": DEFAULT_KIND, **values["generator"]}
        return {
            **values,
            "generator": generator,
            "guard": {"kind": guard_kind(generator["kind"]), **values.get("guard", {})},
        }

    @model_validator(mode="after")
    def _check_parts(self) -> Recipe:
        if self.guard.kind != guard_kind(self.generator.kind):
            raise ValueError(
                f"guard.kind is {self.guard.kind}, but the generator's is {self.generator.kind}; leave guard.kind out"
            )
        if self.calibration is not None and not self.family.calibrates:
            raise ValueError(
                "calibration is for guard ensembles; the guards of this generator have limits of their own"
            )
        names = [entry.name for entry in self.guards]
        if len(set(names)) < len(names):
            raise ValueError("guards: one is named twice")
        for entry in self.guards:
            if entry.name not in GUARDS:
                known = ", ".join(GUARDS.names()) or "none; install the package that brings it"
                raise ValueError(f"guards: no guard {entry.name!r} is installed; there are: {known}")
        for place in _not_finite(self.document()):
            raise ValueError(f"{place}: must be a finite number")
        self.family.check(self.asked(NO_PACK))
        return self

    @property
    def family(self) -> Family[Any, Any]:
        """The family of the generator."""
        return family_of(self.generator.kind)

    def asked(self, pack: PackSpec) -> Asked[Any, Any]:
        """Return what the recipe asks of its family."""
        calibrated = self.calibration is not None
        return Asked(self.generator, self.guard, self.seed, self.output.image, pack, calibrated, self.source.kind)

    def code(self) -> tuple[str, ...]:
        """Return what of the machine's code the recipe names, as ``module:function``."""
        return (*self.generator.code(), *self.guard.code())

    def document(self) -> dict[str, Any]:
        """Return the resolved recipe as JSON values."""
        return self.model_dump(mode="json")

    def portable(self, pack: str) -> dict[str, Any]:
        """Return the resolved recipe with the pack's name and without folders of this machine.

        Paths of the source are the names of their fields; other absolute paths are cut to their last part.
        """
        document = {**_released(self.document()), "models": pack, "source": self.source.portable()}
        if self.calibration is not None:
            document["calibration"] = {**document["calibration"], "source": self.calibration.source.portable()}
        return document


def _released(value: Any) -> Any:
    """Return JSON values with absolute paths cut to their last part, such as that of a factory's weights."""
    if isinstance(value, dict):
        return {key: _released(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_released(inner) for inner in value]
    return released_name(value) if isinstance(value, str) else value


def _not_finite(value: Any, place: str = "") -> Iterator[str]:
    """Yield where JSON values hold an infinite number or none at all (.nan), which no digest can be made of."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _not_finite(one, f"{place}.{key}" if place else str(key))


SET_FIX = "name a field as in --set source.count=100; lists are set as a whole"
# For checks of a recipe alone, before a pack is read.
NO_PACK = PackSpec(name="none", description="", roles={}, backgrounds=())


def guard_kind(generator: Any) -> Any:
    """Return the kind of guard that goes with a kind of generator; an unknown kind is its own."""
    known = families()
    return get_args(known[generator].guard.model_fields["kind"].annotation)[0] if generator in known else generator


@cache
def recipe_files() -> dict[str, Path]:
    """Return the file of every recipe that families bring, by name; the first family keeps it, and ours come first."""
    found: dict[str, Path] = {}
    for kind, family in families().items():
        for path in sorted(family.recipes().glob("*.yaml")):
            if found.setdefault(path.stem, path) != path:
                logger.warning("the recipe %r of the family %r is left out: the name is taken", path.stem, kind)
    return found


def recipe_names() -> list[str]:
    """Return the names of the recipes that need no path."""
    return sorted(recipe_files())


def load_recipe(
    name_or_path: str, *, source: str = "", models: str = "", overrides: Sequence[str] = (), allow_code: bool = False
) -> Recipe:
    """Read a recipe by name or path and apply the command line's changes.

    Recipes travel inside released datasets, so code that one names runs only when the user says so.

    Args:
        name_or_path: A name from ``recipe_names`` or a YAML file.
        source: As ``--source``; replaces the recipe's source.
        models: Name of a pack; replaces the recipe's.
        overrides: ``a.b=value`` pairs; values are YAML.
        allow_code: Whether functions that the recipe names may run; plug-ins that are installed always may.

    Raises:
        RecipeError: The recipe is missing or not valid, an override names no field, or it names code.
    """
    document = _read_document(name_or_path)
    if source:
        document["source"] = parse_source(source)
    if models:
        document["models"] = models
    for override in overrides:
        _apply(document, override)
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        raise _refusal(error, document, name_or_path) from error
    if recipe.code() and not allow_code:
        what = f"the recipe runs code of this machine: {', '.join(recipe.code())}"
        raise RecipeError(what, where=name_or_path, fix="pass --allow-code if you trust the recipe")
    return recipe


def _refusal(error: ValidationError, document: dict[str, Any], name_or_path: str) -> RecipeError:
    """Return what is wrong with a recipe; above all, that the family or the source it names is not installed."""
    generator = document.get("generator")
    kind = generator.get("kind", DEFAULT_KIND) if isinstance(generator, dict) else DEFAULT_KIND
    if isinstance(kind, str) and kind not in families():
        try:
            family_of(kind)
        except RequestError as missing:
            # Says whether there is none, or its package is broken.
            what = f"the recipe is not valid: generator: {missing.what}"
            return RecipeError(what, where=missing.where or name_or_path, fix=missing.fix)
    fix = _recipe_fix(name_or_path, kind if isinstance(kind, str) else DEFAULT_KIND)
    if "tabletop" in str([document.get("source"), document.get("calibration")]) and "tabletop" not in SOURCES:
        other = "name another --source (and --set calibration.source=... where the recipe calibrates)"
        fix = f"install the embedded pack, which brings it ({install_hint('generate')}), or {other}"
    return RecipeError(_describe(error), where=name_or_path, fix=fix)


def _recipe_fix(name_or_path: str, kind: str = DEFAULT_KIND) -> str:
    """Return how to see a valid recipe: the one that was named, or one of its family."""
    of_kind = (name for name, path in recipe_files().items() if path.parent == families()[kind].recipes())
    name = name_or_path if name_or_path in recipe_files() else next(of_kind, "imagenet-e")
    return f"`editmill show {name}` prints a valid recipe; docs/recipes.md explains the fields"


def _read_document(name_or_path: str) -> dict[str, Any]:
    path = Path(name_or_path)
    written = path.suffix in (".yaml", ".yml")
    if written:
        refuse_url(name_or_path, where="RECIPE")
    elif name_or_path not in recipe_files():
        fix = f"use one of {', '.join(recipe_names())}, or the path of a .yaml file"
        raise RecipeError(f"no recipe {name_or_path!r}", fix=fix)
    try:
        document = read_yaml(path if written else recipe_files()[name_or_path])
        if not isinstance(document, dict):
            raise YamlProblem("it is not a mapping, that is, lines of KEY: VALUE")
    except YamlProblem as error:
        raise RecipeError(
            f"the recipe can't be read: {error}", where=name_or_path, fix=_recipe_fix(name_or_path)
        ) from error
    return document


def _apply(document: dict[str, Any], override: str) -> None:
    name, separator, value = override.partition("=")
    if not separator or not name:
        raise RecipeError(f"{override!r} is not of the form a.b=value", where="--set", fix=SET_FIX)
    *parents, last = name.split(".")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise RecipeError(f"{name!r}: {parent!r} has no fields", where="--set", fix=SET_FIX)
    try:
        place[last] = parse_yaml(value)
    except YamlProblem as error:
        what = f"the value of {name!r} can't be read: {error}"
        raise RecipeError(
            what, where="--set", fix="put it in quotes, as in --set 'generator.edits=[{name: full}]'"
        ) from error


# Behind these stands the kind by which alternatives are told apart, which is no key of a recipe.
TAGGED = (("source",), ("generator",), ("guard",), ("calibration", "source"))
# How the validator calls the alternatives of one field.
ALTERNATIVE = re.compile(r"constrained-|(literal|tuple|list|dict|int|float|str|bool)(?![a-z_])")


def _place(location: tuple[str | int, ...]) -> str:
    """Return where a problem is, in the recipe's own keys."""
    keys = (str(part) for place, part in enumerate(location) if location[:place] not in TAGGED)
    return ".".join(key for key in keys if not ALTERNATIVE.match(key))


def _describe(error: ValidationError) -> str:
    lines = []
    for problem in without_consequences(error.errors()):
        # What concerns several fields names them itself.
        place = _place(problem["loc"])
        lines.append(f"{place}: {say(problem)}" if place else say(problem))
    return (
        f"the recipe is not valid: {lines[0]}"
        if len(lines) == 1
        else "\n  - ".join(("the recipe is not valid:", *lines))
    )
