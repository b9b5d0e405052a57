"""What recipes can name: families, guards and packs, those that come along and those of installed packages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, get_args

from editmill.generators.base.family import Family, Settings
from editmill.generators.base.guards import GuardFactory
from editmill.generators.base.sources import Content
from editmill.manifests.plugins import Registry, require, require_class


def _check_family(kind: str, family: Any) -> None:
    require_class(family, Family, "kind", "version", "what", "settings", "guard", "needs")
    require(family.kind == kind, f"it calls itself {family.kind!r}; give entry point and class one name")
    require(isinstance(family.version, int), "its version is no whole number")
    require(family.needs in get_args(Content), f"needs is {family.needs!r}, and not one of {get_args(Content)}")
    for settings in (family.settings, family.guard):
        require_class(settings, Settings)
        require(len(_kinds(settings)) == 1, f"{settings.__name__} has no kind: Literal[...] of one word")
    require(_kinds(family.settings) == (kind,), f"the kind of {family.settings.__name__} is not {kind!r}")
    for other in FAMILIES.known().values():
        # Guards of one kind are told apart by nothing, so only one and the same class may have it.
        same = family.guard is other.guard or _kinds(family.guard) != _kinds(other.guard)
        require(same, f"{family.guard.__name__} has the kind of {other.guard.__name__} of the family {other.kind!r}")


def _kinds(settings: type[Settings]) -> tuple[Any, ...]:
    return get_args(settings.model_fields["kind"].annotation)


def _check_guard(name: str, guard: Any) -> None:
    require(callable(guard), "a factory is expected")
    require(isinstance(getattr(guard, "version", None), int), "its version is no whole number")
    require(isinstance(getattr(guard, "score_names", None), tuple), "score_names is no tuple of strings")


def _check_pack(name: str, pack: Any) -> None:
    require(isinstance(pack, Path) and pack.is_file(), f"the path of a YAML file is expected, and not {pack!r}")


FAMILIES: Registry[type[Family[Any, Any]]] = Registry(
    "editmill.families",
    "family",
    {
        "attribute": "editmill.generators.attribute.family:AttributeFamily",
        "text": "editmill.generators.text.family:TextFamily",
        "watermark": "editmill.generators.watermark.family:WatermarkFamily",
        "fmr": "editmill.generators.fmr.family:FmrFamily",
        "synthesis": "editmill.generators.synthesis.family:SynthesisFamily",
    },
    _check_family,
)
GUARDS: Registry[GuardFactory] = Registry("editmill.guards", "guard", {}, _check_guard)
# Pack files; public packs come along as YAML files in ``packs/``.
PACKS: Registry[Path] = Registry("editmill.packs", "model pack", {}, _check_pack)


@cache
def family_of(kind: str) -> Family[Any, Any]:
    """Return the family of a kind of generator.

    Raises:
        RequestError: There is none.
    """
    return FAMILIES.get(kind)()


def families() -> dict[str, Family[Any, Any]]:
    """Return every family by its kind."""
    return {kind: family_of(kind) for kind in FAMILIES.loaded()}
