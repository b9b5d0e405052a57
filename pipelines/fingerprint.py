"""The fingerprint: equal for two builds exactly when they must give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from editmill.generators.models.checkpoints import model_record, require_checkpoints
from editmill.generators.models.loading import Placement
from editmill.generators.models.pack import PackSpec
from editmill.manifests.canonical import digest
from editmill.manifests.records import ModelRecord
from editmill.pipelines.plan import Plan, content_digest
from editmill.pipelines.registry import GUARDS

# Raised with every change of what is digested below.
ALGORITHM = 4
# Fields of the recipe that can't change a stored byte; each with the reason.
EXCLUDED = {"description": "prose", "models": "the pack's own content stands beside the recipe"}
# The same of a pack.
PACK_EXCLUDED = {
    "description": "prose",
    "folder": "where it lies",
    "roles": "those that are used follow one by one, with the digests of their weights",
    "cpu_seconds_per_evaluation": "an estimate of time",
    "cpu_seconds_per_pixel_evaluation": "an estimate of time",
}
# The same of a role; what a manifest says of a model has these already, with the digest of its weights.
ROLE_EXCLUDED = {
    "path": "in the model's id",
    "repo": "the same",
    "subfolder": "the digest of the weights covers the files that it leads to",
    "file": "the same",
    "variant": "the same",
    "made": "in the model's id",
    "pickled": "for downloads",
    "command": "prose",
    "revision": "in the model's record",
    "licence": "the same",
}


@dataclass(frozen=True)
class Identity:
    """A build's fingerprint and the models that it stands on."""

    fingerprint: str
    models: tuple[ModelRecord, ...]


def needed_roles(plan: Plan) -> list[str]:
    """Return the roles of the pack that a plan uses, each with the parts that it is loaded with.

    Raises:
        ModelError: The pack lacks one.
    """
    used = plan.recipe.family.roles(plan.asked)
    return list(dict.fromkeys(part for role in used for part in (role, *plan.pack.entry(role).parts.values())))


def identify(plan: Plan, placement: Placement) -> Identity:
    """Return the fingerprint of a plan on a placement; folders, worker counts and times stay out.

    Raises:
        ModelError: A checkpoint that the plan needs is missing.
    """
    pack, roles = plan.pack, needed_roles(plan)
    require_checkpoints(pack, roles, placement.models_dir)
    models = tuple(model_record(pack, role, models_dir=placement.models_dir, dtype=placement.dtype) for role in roles)
    recipe = {name: value for name, value in plan.recipe.portable(pack.name).items() if name not in EXCLUDED}
    document: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "render": plan.recipe.family.version,
        "guards": {entry.name: GUARDS.get(entry.name).version for entry in plan.recipe.guards},
        "recipe": recipe,
        "sources": plan.content,
        "models": [record.model_dump(mode="json") for record in models],
        # The kind alone: which of several accelerators it is changes no byte.
        "device": placement.resolve().type,
        # Kernels sum in another order for another number.
        **({"batch": placement.pictures} if placement.pictures > 1 else {}),
        "pack": pack_document(pack, roles),
    }
    if plan.recipe.calibration is not None:
        document["calibration"] = content_digest(plan.calibration)
    return Identity(digest(document), models)


def pack_document(pack: PackSpec, roles: list[str]) -> dict[str, Any]:
    """Return the whole pack, as JSON values, without what can't change a byte, and with the roles that are used."""
    entries = {role: pack.entry(role).model_dump(mode="json", exclude=set(ROLE_EXCLUDED)) for role in roles}
    # A guard whose role the pack lacks is silent, so the names of all roles count.
    return {**pack.model_dump(mode="json", exclude=set(PACK_EXCLUDED)), "roles": entries, "has": sorted(pack.roles)}
