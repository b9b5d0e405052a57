"""Which thresholds can be applied again to a finished dataset, and what they say of stored scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from editmill.generators.base import Edit
from editmill.generators.guards.ensemble.gates import GATES
from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.rule import decide
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.rules import LIMITED, decide_again, rules_of
from editmill.generators.guards.settings import GuardSettings
from editmill.manifests.errors import RecipeError, RequestError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import Manifest, SampleRow
from editmill.pipelines.recipe import GuardRules
from editmill.pipelines.wording import say

Settings = GuardSettings | EnsembleSettings
# What ensembles bind on beside gates: fields, and the score of those that read one.
ENSEMBLE_LIMITED: Mapping[str, str] = {
    "gates": "",
    "rule": "",
    "k": "",
    "contrast": "contrast",
    "black": "black_share",
    "correlation": "correlation",
    "clipped": "clipped_share",
    "change": "change",
    "direction": "direction",
    "outside": "background_change",
    "source_copy": "source_cosine",
}
WHY_NOT = {
    "attempts": "more attempts have to be rendered",
    "judges": "other judges have to look at the pictures",
    "detection": "detections were counted above it, and rows lack what was found in the source",
    "removal_probability": "rows lack what its judges saw in the source",
    "hamming": "what a picture is a duplicate of depends on those accepted before it",
    "duplicate": "what a picture is a duplicate of depends on those accepted before it",
    **dict.fromkeys(("alpha", "least_sources", "r_min"), "the thresholds of another calibration come with --report"),
    **dict.fromkeys(("far_upper_limit", "frr_limit"), "it is about a calibration, which has passed"),
}


@dataclass(frozen=True)
class Decision:
    """What a rule says of one candidate: scores with those that follow from limits, and reasons."""

    scores: dict[str, float]
    reasons: tuple[str, ...]


# From a row, the scores of one of its candidates, and the reasons that the candidate was rejected for.
Judge = Callable[[SampleRow, Mapping[str, float], Sequence[str]], Decision]


def stored_settings(manifest: Manifest) -> Settings:
    """Return the guard settings of a dataset.

    Raises:
        RequestError: Its family has no thresholds that can be applied again, or the recipe is of another version.
    """
    kind = manifest.generator
    try:
        found = TypeAdapter[Any](GuardRules).validate_python(manifest.recipe.get("guard"))
    except ValidationError as error:
        what = f"the dataset's guard settings are not those of this editmill: {say(error.errors()[0])}"
        raise RequestError(
            what, where="manifest.json: recipe.guard", fix="use the editmill version that wrote it"
        ) from error
    if not isinstance(found, Settings):
        family = {"text": "edited captions", "watermark": "watermarks"}.get(kind, kind)
        what = f"{family} have no thresholds that could be applied again to stored scores"
        raise RequestError(
            what, where="DATASET", fix="name a dataset of attribute edits, or of a guard ensemble; build this one again"
        )
    return found


def changed_settings(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Return ``settings`` with ``guard.FIELD=VALUE`` applied, values being YAML.

    Raises:
        RecipeError: A field is unknown, can't be applied without rendering, or has a bad value.
    """
    document = settings.model_dump(mode="json")
    for override in overrides:
        field, value = _parsed(override)
        _check_field(settings, field)
        document[field] = value
    try:
        return type(settings).model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("guard", *(str(part) for part in first["loc"])))
        raise RecipeError(f"{place}: {say(first)}", where="--set") from error


def _parsed(override: str) -> tuple[str, Any]:
    name, separator, value = override.partition("=")
    section, _, field = name.partition(".")
    if separator and section != "guard":
        what = f"{name!r} is no threshold; everything else of a recipe is in the pictures already"
        raise RecipeError(what, where="--set", fix="name fields of guard, or build the dataset again")
    if not separator or not field:
        raise RecipeError(
            f"{override!r} is not of the form guard.FIELD=VALUE", where="--set", fix="such as guard.mask_iou=0.8"
        )
    try:
        return field, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"{override!r}: the value is not valid YAML", where="--set") from error


def applicable(settings: Settings) -> Mapping[str, str]:
    """Return fields that can be applied again, with the score that each is put on; "" for those that read several."""
    return LIMITED if isinstance(settings, GuardSettings) else ENSEMBLE_LIMITED


def _check_field(settings: Settings, field: str) -> None:
    fields = applicable(settings)
    if field in fields:
        return
    fix = f"use one of {', '.join(fields)}; or build the dataset again"
    if field not in type(settings).model_fields:
        raise RecipeError(f"guard.{field} is not known", where="--set", fix=fix)
    why = WHY_NOT.get(field, "it says how scores are made, so they would have to be measured again")
    raise RecipeError(f"guard.{field} can't be applied without rendering: {why}", where="--set", fix=fix)


def needed_scores(before: Settings, after: Settings) -> dict[str, str]:
    """Return scores that a change reads, with the field that reads them."""
    old, new = before.model_dump(), after.model_dump()
    needed = {
        score: f"guard.{field}" for field, score in applicable(after).items() if score and old[field] != new[field]
    }
    if isinstance(before, EnsembleSettings) and isinstance(after, EnsembleSettings):
        needed |= {GATES[gate].score: f"guard.gates ({gate})" for gate in after.gates if gate not in before.gates}
    return needed


def judge_of(settings: Settings, report: GuardReport | None) -> Judge:
    """Return the rule of settings, with the thresholds of ``report`` or the gates' own."""
    if isinstance(settings, GuardSettings):
        return _attribute_judge(settings)
    return _ensemble_judge(settings, Limits.of_report(report) if report is not None else None)


def _attribute_judge(settings: GuardSettings) -> Judge:
    rules = rules_of(settings)

    def judge(row: SampleRow, scores: Mapping[str, float], said: Sequence[str]) -> Decision:
        scale = float(row.parameters.get("scale", 1.0))
        found, reasons = decide_again(
            rules, Edit(row.generator, row.edit, row.level, (("scale", scale),)), scores, tuple(said)
        )
        return Decision(found, tuple(reasons))

    return judge


def _ensemble_judge(settings: EnsembleSettings, limits: Limits | None) -> Judge:
    def judge(row: SampleRow, scores: Mapping[str, float], said: Sequence[str]) -> Decision:
        return Decision(dict(scores), tuple(decide(scores, row.class_name, settings, limits)))

    return judge
