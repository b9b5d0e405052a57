"""The fingerprint: equal for two builds exactly when they must give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generators.models.checkpoints import model_record
from generators.models.loading import Placement
from manifests.canonical import digest
from manifests.records import ModelRecord
from pipelines.packs import find_pack
from pipelines.plan import Plan

ALGORITHM = 1
# Raised whenever rendering, guarding or encoding changes what is stored.
RENDER_VERSION = 3
# Fields of the recipe that can't change a stored byte; each with the reason.
EXCLUDED = {"description": "prose"}


@dataclass(frozen=True)
class Identity:
    """A build's fingerprint and the models that it stands on."""

    fingerprint: str
    models: tuple[ModelRecord, ...]


def identify(plan: Plan, placement: Placement) -> Identity:
    """Fingerprint of a plan on a placement; folders, worker counts and times stay out.

    Raises:
        ModelError: a checkpoint that the plan needs is missing.
    """
    pack = find_pack(plan.recipe.models)
    roles = ["inpaint", *pack.entry("inpaint").parts.values(), "zero_shot"]
    models = tuple(model_record(pack, role, models_dir=placement.models_dir, dtype=placement.dtype) for role in roles)
    recipe = {name: value for name, value in plan.recipe.portable().items() if name not in EXCLUDED}
    document: dict[str, Any] = {
        "algorithm": ALGORITHM, "render": RENDER_VERSION, "recipe": recipe, "sources": plan.content,
        "models": [record.model_dump(mode="json") for record in models], "device": placement.resolve().type,
        "pack": pack.model_dump(mode="json", include={"backgrounds", "removal_prompt", "guidance", "steps"}),
        "judge": pack.entry("zero_shot").model_dump(mode="json", include={"vocabulary", "prompt"}),
    }
    return Identity(digest(document), models)
