"""Choices of attribute editing that depend on the pack and the source, made once, in the plan."""

from __future__ import annotations

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.settings import AttributeSettings, EditSettings, RenderSettings
from editmill.generators.base.family import Asked
from editmill.manifests.errors import RequestError

INCLUDE = "--set generator.unknown_world=make"


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
        edits = tuple(edit for edit in edits if not _generates(edit, render))
        left_out = ", ".join(dict.fromkeys(edit.name for edit in settings.edits if edit not in edits))
        what = f"the pack {pack.name!r} was not trained on pictures of {asked.source_kind!r} sources"
        fix = f"name another pack by --models, or make them all the same by {INCLUDE}"
        if not edits:
            raise RequestError(f"{what}, so none of the edits can be made: {left_out}", where="generator", fix=fix)
        if left_out:
            notices.append(
                f"{what}, so edits whose backgrounds it would generate are left out: {left_out}\n  fix: {fix}"
            )
    return settings.model_copy(update={"edits": edits, "render": render}), notices


def _generates(edit: EditSettings, render: RenderSettings) -> bool:
    return not edit.facts.copied if render.mode == "faithful" else edit.facts.generated
