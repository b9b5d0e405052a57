"""The fingerprint: equal for two builds exactly when they must give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from editmill.generators.models.checkpoints import model_record
from editmill.generators.models.loading import Placement
from editmill.generators.models.pack import PackSpec
from editmill.manifests.canonical import digest
from editmill.manifests.manifest import sources_digest
from editmill.manifests.records import ModelRecord
from editmill.pipelines.families import family_of
from editmill.pipelines.guarding import calibration_records
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan import Plan
from editmill.pipelines.recipe import Recipe

ALGORITHM = 1
# Fields of the recipe that can't change a stored byte; each with the reason.
EXCLUDED = {"description": "prose"}


@dataclass(frozen=True)
class Identity:
    """A build's fingerprint and the models that it stands on."""

    fingerprint: str
    models: tuple[ModelRecord, ...]


def needed_roles(recipe: Recipe, pack: PackSpec) -> list[str]:
    """Return the roles of ``pack`` that a recipe uses, each with the parts that it is loaded with."""
    used = family_of(recipe).roles(recipe, pack)
    return list(dict.fromkeys(part for role in used for part in (role, *pack.entry(role).parts.values())))


def identify(plan: Plan, placement: Placement) -> Identity:
    """Return fingerprint of a plan on a placement; folders, worker counts and times stay out.

    Raises:
        ModelError: A checkpoint that the plan needs is missing.
    """
    pack = find_pack(plan.recipe.models)
    roles = needed_roles(plan.recipe, pack)
    models = tuple(model_record(pack, role, models_dir=placement.models_dir, dtype=placement.dtype) for role in roles)
    recipe = {name: value for name, value in plan.recipe.portable().items() if name not in EXCLUDED}
    family = family_of(plan.recipe)
    document: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "render": family.version,
        "recipe": recipe,
        "sources": plan.content,
        "models": [record.model_dump(mode="json") for record in models],
        "device": placement.resolve().type,
        "pack": family.asked(pack),
        "asked": {
            role: pack.entry(role).model_dump(mode="json", include={"vocabulary", "prompt", "control"})
            for role in roles
        },
    }
    if plan.recipe.calibration is not None:
        document["calibration"] = sources_digest(calibration_records(plan.recipe))
    return Identity(digest(document), models)
