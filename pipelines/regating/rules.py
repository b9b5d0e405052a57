"""Which thresholds can be applied again to a finished dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from editmill.generators.base.family import Regating, Settings
from editmill.manifests.errors import RecipeError, RequestError
from editmill.manifests.records import Manifest
from editmill.manifests.wording import say
from editmill.manifests.yaml_text import YamlProblem, parse_yaml
from editmill.pipelines.registry import family_of


def regating_of(manifest: Manifest) -> Regating[Any]:
    """Return how other thresholds are applied to a dataset.

    Raises:
        RequestError: Its family has none that can be.
    """
    family = family_of(manifest.generator)
    if family.regating is None:
        what = f"{family.what} have no thresholds that could be applied again to stored scores"
        fix = "name a dataset whose family has them, such as attribute edits; build this one again"
        raise RequestError(what, where="DATASET", fix=fix)
    return family.regating


def stored_settings(manifest: Manifest) -> Settings:
    """Return the guard settings of a dataset.

    Raises:
        RequestError: The recipe is of another version.
    """
    try:
        found: Settings = family_of(manifest.generator).guard.model_validate(manifest.recipe.get("guard"))
    except ValidationError as error:
        what = f"the dataset's guard settings are not those of this editmill: {say(error.errors()[0])}"
        raise RequestError(
            what, where="manifest.json: recipe.guard", fix="use the editmill version that wrote it"
        ) from error
    return found


def changed_settings(settings: Settings, overrides: Sequence[str], regating: Regating[Any]) -> Settings:
    """Return ``settings`` with ``guard.FIELD=VALUE`` applied, values being YAML.

    Raises:
        RecipeError: A field is unknown, can't be applied without rendering, or has a bad value.
    """
    document = settings.model_dump(mode="json")
    for override in overrides:
        field, value = _parsed(override)
        _check_field(settings, field, regating)
        document[field] = value
    try:
        return type(settings).model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("guard", *(str(part) for part in first["loc"])))
        raise RecipeError(f"{place}: {say(first)}", where="--set", fix="docs/guards.md lists the thresholds") from error


def _parsed(override: str) -> tuple[str, Any]:
    name, separator, value = override.partition("=")
    section, _, field = name.partition(".")
    if separator and section != "guard":
        what = f"{name!r} is not a threshold; everything else of a recipe is in the pictures already"
        raise RecipeError(what, where="--set", fix="name fields of guard, or build the dataset again")
    if not separator or not field:
        raise RecipeError(
            f"{override!r} is not of the form guard.FIELD=VALUE", where="--set", fix="such as guard.mask_iou=0.8"
        )
    try:
        return field, parse_yaml(value)
    except YamlProblem as error:
        what = f"the value of {name!r} can't be read: {error}"
        raise RecipeError(what, where="--set", fix="such as guard.mask_iou=0.8") from error


def _check_field(settings: Settings, field: str, regating: Regating[Any]) -> None:
    if field in regating.limited:
        return
    fix = f"use one of {', '.join(regating.limited)}; or build the dataset again"
    if field not in type(settings).model_fields:
        raise RecipeError(f"guard.{field} is not known", where="--set", fix=fix)
    why = regating.why_not.get(field, "it says how scores are made, so they would have to be measured again")
    raise RecipeError(f"guard.{field} can't be applied without rendering: {why}", where="--set", fix=fix)
