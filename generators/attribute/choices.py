"""Choices of attribute editing that depend on the pack and the source, made once, in the plan."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.settings import AttributeSettings, EditSettings, RenderSettings
from editmill.generators.base.family import Asked
from editmill.generators.base.worlds import leave_out
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import RequestError


def resolve(asked: Asked[AttributeSettings, GuardSettings]) -> tuple[AttributeSettings, list[str]]:
    """Return the settings with removal, hole and edits chosen, and a line for each choice that a user should know.

    Raises:
        RequestError: No edit is left, or some would run no step.
    """
    settings, pack = asked.settings, asked.pack
    known = pack.knows(asked.source_kind)
    able = known and not {"inpaint", "removal"}.isdisjoint(pack.roles)
    render = settings.render.chosen(models=able, photographs=not pack.draws(asked.source_kind))
    edits, notices = settings.edits, []
    if not known and settings.unknown_world == "skip":
        lost = [edit for edit in edits if _generates(edit, render)]
        notices = leave_out(edits, lost, pack, asked.source_kind, why="whose backgrounds it would generate")
        edits = tuple(edit for edit in edits if edit not in lost)
    _check_steps(edits, render, pack)
    return settings.model_copy(update={"edits": edits, "render": render}), notices


def _check_steps(edits: Sequence[EditSettings], render: RenderSettings, pack: PackSpec) -> None:
    partial = [edit.name for edit in edits if edit.facts.guided or edit.name == "round-trip"]
    steps = render.steps or pack.steps
    if render.mode == "modern" and partial and not render.steps_run(steps):
        what = f"{', '.join(partial)} would run no step: the strength {render.strength:g} of {steps} steps"
        fix = f"set generator.render.strength to {1 / steps:.2g} or more, or generator.render.steps, or leave them out"
        raise RequestError(what, where="generator.render.strength", fix=fix)
    drawing = ["inpaint"] if render.removal != "patches" or any(_generates(edit, render) for edit in edits) else []
    pack.check_steps(drawing, steps, where="generator.render.steps" if render.steps else "steps of the pack")


def _generates(edit: EditSettings, render: RenderSettings) -> bool:
    return not edit.facts.copied if render.mode == "faithful" else edit.facts.generated
