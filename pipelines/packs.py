"""Finding model packs: public ones that come along, those of installed packages, and files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from editmill.generators.models.pack import PackSpec, read_pack
from editmill.manifests.errors import ModelError, RequestError
from editmill.manifests.files import refuse_url
from editmill.manifests.plugins import install_hint
from editmill.pipelines.registry import PACKS


def pack_names() -> list[str]:
    """Return the names of the packs that need no path."""
    return sorted({*_public(), *PACKS.loaded()})


def find_pack(name_or_path: str) -> PackSpec:
    """Return a pack by name, or by the path of its YAML file.

    Raises:
        ModelError: There is no such pack, or it is not valid.
    """
    if name_or_path.endswith((".yaml", ".yml")):
        refuse_url(name_or_path, where="--models")
        return read_pack(Path(name_or_path))
    try:
        return read_pack(_public().get(name_or_path) or PACKS.get(name_or_path))
    except RequestError as error:
        if isinstance(error, ModelError) or name_or_path in PACKS:
            raise
        fix = f"use one of {', '.join(pack_names())}, or the path of a pack's .yaml file"
        if name_or_path == "tabletop":
            fix = f"install the embedded pack; {install_hint('generate')}"
        raise ModelError(f"no model pack {name_or_path!r}", fix=fix) from error


def _public() -> dict[str, Path]:
    folder = Path(str(resources.files("editmill.packs")))
    return {path.stem: path for path in folder.glob("*.yaml")}
