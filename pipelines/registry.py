"""What recipes can name: families, guards and packs, those that come along and those of installed packages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from editmill.generators.base.family import Family
from editmill.generators.base.guards import GuardFactory
from editmill.manifests.errors import RequestError
from editmill.manifests.plugins import Registry

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
)
GUARDS: Registry[GuardFactory] = Registry("editmill.guards", "guard", {})
# Pack files; public packs come along as YAML files in ``packs/``.
PACKS: Registry[Path] = Registry("editmill.packs", "model pack", {})


@cache
def family_of(kind: str) -> Family[Any, Any]:
    """Return the family of a kind of generator.

    Raises:
        RequestError: There is none.
    """
    family = FAMILIES.get(kind)()
    if family.kind != kind:
        what = f"the family {kind!r} calls itself {family.kind!r}"
        raise RequestError(what, where=type(family).__module__, fix="give entry point and class one name")
    return family


def families() -> dict[str, Family[Any, Any]]:
    """Return every family by its kind."""
    return {kind: family_of(kind) for kind in FAMILIES.loaded()}
