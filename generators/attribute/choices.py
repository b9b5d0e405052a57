"""Choices of attribute editing that depend on the pack and the source, made once, in the plan."""

from __future__ import annotations

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.settings import AttributeSettings, EditSettings, RenderSettings
from editmill.generators.base.family import Asked
from editmill.generators.base.worlds import leave_out


def resolve(asked: Asked[AttributeSettings, GuardSettings]) -> tuple[AttributeSettings, list[str]]:
    """Return the settings with removal, hole and edits chosen, and a line for each choice that a user should know.

    Raises:
        RequestError: No edit is left.
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
    return settings.model_copy(update={"edits": edits, "render": render}), notices


def _generates(edit: EditSettings, render: RenderSettings) -> bool:
    return not edit.facts.copied if render.mode == "faithful" else edit.facts.generated
