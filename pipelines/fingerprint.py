"""The fingerprint: equal for two builds exactly when they must give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generators.models.checkpoints import model_record
from generators.models.loading import Placement
from generators.models.pack import PackSpec
from manifests.canonical import digest
from manifests.errors import ModelError
from manifests.records import ModelRecord
from pipelines.packs import find_pack
from pipelines.plan import Plan
from pipelines.recipe import Recipe

ALGORITHM = 1
# Raised whenever rendering, guarding or encoding changes what is stored.
RENDER_VERSION = 4
# Fields of the recipe that can't change a stored byte; each with the reason.
EXCLUDED = {"description": "prose"}


@dataclass(frozen=True)
class Identity:
    """A build's fingerprint and the models that it stands on."""

    fingerprint: str
    models: tuple[ModelRecord, ...]


def needed_roles(recipe: Recipe, pack: PackSpec) -> list[str]:
    """The roles of ``pack`` that a recipe's edits and guards use, the guards' as far as it has them, each with the parts that it is loaded with."""
    render, edits = recipe.generator.render, {edit.name for edit in recipe.generator.edits}
    used = ["inpaint", *(["removal"] if "removal" in pack.roles else [])]
    if render.mode == "faithful":
        used.append("unconditional")
    if "adversarial" in edits:
        used.append(_classifier(pack, render.surrogate))
    used += [role for role in (*recipe.guard.judges, "detector", "segmenter") if role in pack.roles]
    return list(dict.fromkeys(part for role in used for part in (role, *pack.entry(role).parts.values())))


def _classifier(pack: PackSpec, role: str) -> str:
    """``role``, if it is an image classifier of the pack."""
    cls = pack.entry(role).cls
    if "ForImageClassification" not in cls and not cls.startswith("torchvision.models."):
        what = f"the role {role!r} is no image classifier but {cls}"
        raise ModelError(what, where="generator.render.surrogate", fix="name a role such as classifier")
    return role


def identify(plan: Plan, placement: Placement) -> Identity:
    """Fingerprint of a plan on a placement; folders, worker counts and times stay out.

    Raises:
        ModelError: a checkpoint that the plan needs is missing.
    """
    pack = find_pack(plan.recipe.models)
    roles = needed_roles(plan.recipe, pack)
    models = tuple(model_record(pack, role, models_dir=placement.models_dir, dtype=placement.dtype) for role in roles)
    recipe = {name: value for name, value in plan.recipe.portable().items() if name not in EXCLUDED}
    document: dict[str, Any] = {
        "algorithm": ALGORITHM, "render": RENDER_VERSION, "recipe": recipe, "sources": plan.content,
        "models": [record.model_dump(mode="json") for record in models], "device": placement.resolve().type,
        "pack": pack.model_dump(mode="json", include={"backgrounds", "removal_prompt", "guidance", "steps"}),
        "asked": {role: pack.entry(role).model_dump(mode="json", include={"vocabulary", "prompt", "control"}) for role in roles},
    }
    return Identity(digest(document), models)
