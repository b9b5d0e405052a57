"""Finding the packs that come with editmill."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from editmill.generators.models.pack import PackSpec, read_pack
from editmill.manifests.errors import ModelError


def pack_names() -> list[str]:
    """Return names of the packs that come with editmill."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def find_pack(name_or_path: str) -> PackSpec:
    """Return a pack by name, or by the path of its YAML file.

    Raises:
        ModelError: There is no such pack.
    """
    if name_or_path.endswith((".yaml", ".yml")):
        return read_pack(Path(name_or_path))
    if name_or_path not in pack_names():
        raise ModelError(
            f"no model pack {name_or_path!r}",
            fix=f"use one of {', '.join(pack_names())}, or the path of a pack's .yaml file",
        )
    return read_pack(_folder() / f"{name_or_path}.yaml")


def _folder() -> Path:
    return Path(str(resources.files("editmill.packs")))
