"""The fingerprint: equal for two builds exactly when they must give equal bytes; and what samples share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from editmill.generators.models.checkpoints import model_record, require_checkpoints
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.manifests.canonical import digest
from editmill.manifests.records import ModelRecord
from editmill.pipelines.plan import Plan, content_digest
from editmill.pipelines.provenance import environment
from editmill.pipelines.registry import GUARDS

# Raised with every change of what is digested below, or of how networks compute.
ALGORITHM = 7
# Fields of the recipe that can't change a stored byte; each with the reason.
EXCLUDED = {
    "description": "prose",
    "published": "no picture depends on it",
    "models": "the pack's own content stands beside the recipe",
}
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
    """What a build stands on.

    Attributes:
        fingerprint: Of the dataset.
        models: All that take part.
        common: By edit, digest of what its samples are made from beside their own sources.
        calibration: Digest of what the guards are calibrated from; empty without a calibration.
    """

    fingerprint: str
    models: tuple[ModelRecord, ...]
    common: Mapping[str, str]
    calibration: str = ""


def needed_roles(plan: Plan) -> list[str]:
    """Return the roles of the pack that a plan uses, each with the parts that it is loaded with.

    Raises:
        ModelError: The pack lacks one.
    """
    return _with_parts(plan.pack, plan.recipe.family.roles(plan.asked))


def _with_parts(pack: PackSpec, used: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(part for role in used for part in (role, *pack.entry(role).parts.values())))


def identify(plan: Plan, placement: Placement) -> Identity:
    """Return the fingerprint of a plan on a placement; folders, worker counts and times stay out.

    Raises:
        ModelError: A checkpoint that the plan needs is missing.
    """
    pack, roles = plan.pack, needed_roles(plan)
    require_checkpoints(pack, roles, placement.models_dir)
    models = tuple(
        model_record(pack, role, models_dir=placement.models_dir, dtype=placement.precision) for role in roles
    )
    recipe = {name: value for name, value in plan.recipe.portable(pack.name).items() if name not in EXCLUDED}
    shared = _shared(plan, placement)
    document: dict[str, Any] = {
        **shared,
        "recipe": recipe,
        "sources": plan.content,
        "models": [record.model_dump(mode="json") for record in models],
        "pack": pack_document(pack, roles),
    }
    calibration = ""
    if plan.recipe.calibration is not None:
        document["calibration"] = content_digest(plan.calibration)
        options = {**recipe["calibration"], "records": document["calibration"], "classes": distinct_names(plan)}
        parts = {name: document[name] for name in ("models", "pack")}
        calibration = digest({**shared, **parts, "guard": recipe["guard"], "calibration": options})
    common = {edit: _common(plan, shared, models, calibration, edit) for edit in _edits(plan)}
    return Identity(digest(document), models, common, calibration)


def filled_by(plan: Plan, identity: Identity, placement: Placement) -> str:
    """Return a name that is equal where equal holes in equal pictures are filled with equal pixels."""
    roles = _with_parts(plan.pack, [role for role in ("inpaint", "removal") if role in plan.pack.roles])
    document = {
        "algorithm": ALGORITHM,
        "environment": environment(),
        "device": placement.kind,
        "precision": placement.precision,
        "compiled": placement.compile,
        "models": [one.model_dump(mode="json", exclude={"licence"}) for one in identity.models if one.role in roles],
        "pack": pack_document(plan.pack, roles),
    }
    return digest(document)[:16]


def distinct_names(plan: Plan) -> tuple[str, ...]:
    """Return the class names that judges choose among: the recipe's, or those of the sources in the order of labels."""
    return plan.recipe.classes or tuple(dict.fromkeys(plan.class_names.values()))


def _shared(plan: Plan, placement: Placement) -> dict[str, Any]:
    """Return what is said of program and machine."""
    return {
        "algorithm": ALGORITHM,
        "render": plan.recipe.family.version,
        "guards": {entry.name: GUARDS.get(entry.name).version for entry in plan.recipe.guards},
        # The kind alone: which of several accelerators it is changes no byte.
        "device": placement.kind,
        # Kernels sum in another order for another number.
        **({"batch": placement.pictures} if placement.pictures > 1 else {}),
        **({"compiled": True} if placement.compile else {}),
    }


def _edits(plan: Plan) -> tuple[str, ...]:
    return plan.recipe.family.edit_names(plan.recipe.generator)


def _common(plan: Plan, shared: Mapping[str, Any], models: Sequence[ModelRecord], calibration: str, edit: str) -> str:
    """Return the digest of what all samples of an edit read, whatever else the recipe asks for."""
    family, pack = plan.recipe.family, plan.pack
    recipe = plan.recipe.model_copy(update={"generator": family.alone(plan.recipe.generator, edit)})
    asked, said = recipe.asked(pack), recipe.portable(pack.name)
    roles = _with_parts(pack, family.roles(asked))
    document = {
        **shared,
        **{name: said[name] for name in ("generator", "guard", "seed", "output")},
        "asked": said["guards"],
        "source": recipe.source.kind,
        "classes": distinct_names(plan) if family.reads_classes(asked) else [],
        "lead": content_digest(plan.lead),
        "calibration": calibration,
        # Its licence can't change a byte of a sample.
        "models": [one.model_dump(mode="json", exclude={"licence"}) for one in models if one.role in roles],
        "pack": pack_document(pack, roles),
    }
    return digest(document)


def pack_document(pack: PackSpec, roles: list[str]) -> dict[str, Any]:
    """Return the whole pack, as JSON values, without what can't change a byte, and with the roles that are used."""
    entries = {role: pack.entry(role).model_dump(mode="json", exclude=set(ROLE_EXCLUDED)) for role in roles}
    for entry in entries.values():
        # A field that came later counts where it is set, so that other packs stay as they were.
        if not entry["sampler"]:
            del entry["sampler"]
    # A guard whose role the pack lacks is silent, so the names of all roles count.
    return {**pack.model_dump(mode="json", exclude=set(PACK_EXCLUDED)), "roles": entries, "has": sorted(pack.roles)}
