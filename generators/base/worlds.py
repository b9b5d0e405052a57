"""What becomes of edits by models that were not trained on such pictures; decided once, in the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import RequestError

# ``skip`` leaves out what needs models that know the source's world, ``make`` makes it all the same.
UnknownWorld = Literal["skip", "make"]
INCLUDE = "--set generator.unknown_world=make"


class Named(Protocol):
    """An edit of a recipe."""

    @property
    def name(self) -> str: ...


E = TypeVar("E", bound=Named)


def leave_out(edits: tuple[E, ...], lost: Sequence[E], pack: PackSpec, source: str, *, why: str) -> list[str]:
    """Return the line that tells which edits are left out, if any are.

    Args:
        edits: Of the recipe.
        lost: Those that are left out.
        pack: The pack, which does not know the source's world.
        source: Kind of the source.
        why: What the models would do for these edits, as in "whose backgrounds it would generate".

    Raises:
        RequestError: Nothing that is edited would be left.
    """
    names = ", ".join(dict.fromkeys(edit.name for edit in lost))
    what = f"{unknown(pack, source)}, so"
    fix = f"name another pack by --models, or make them all the same by {INCLUDE}"
    if lost and all(edit in lost or edit.name == "original" for edit in edits):
        raise RequestError(f"{what} none of the edits can be made: {names}", where="generator", fix=fix)
    return [f"{what} edits {why} are left out: {names}\n  fix: {fix}"] if lost else []


def refuse_unknown(pack: PackSpec, source: str, choice: UnknownWorld, *, what: str) -> None:
    """Refuse a dataset in which every sample needs models that know the source's world.

    Raises:
        RequestError: The pack does not, and the recipe does not insist.
    """
    if choice == "skip" and not pack.knows(source):
        fix = f"name another pack by --models, or make them all the same by {INCLUDE}"
        raise RequestError(f"{unknown(pack, source)}, so {what}", where="generator", fix=fix)


def unknown(pack: PackSpec, source: str) -> str:
    """Return that a pack does not know a world."""
    return f"the pack {pack.name!r} was not trained on pictures of {source!r} sources"
