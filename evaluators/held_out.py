"""The rule of held-out models: whether a model under test took part in making the dataset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from editmill.evaluators.base import EvaluatedModel
from editmill.manifests import ModelRecord


def took_part(model: EvaluatedModel[Any], records: Iterable[ModelRecord]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the roles that ``model`` certainly had in the dataset, and those for which neither an id nor a digest can
    tell.
    """
    said = {record.role: _is_same(model, record) for record in records}
    undecided = tuple(role for role, same in said.items() if same is None)
    return tuple(role for role, same in said.items() if same), undecided


def _is_same(model: EvaluatedModel[Any], record: ModelRecord) -> bool | None:
    if model.digest and model.digest == record.digest:
        return True
    # The hub takes ids in any case. Another revision of one repository counts as the same model.
    if model.id and model.id.casefold() == record.id.casefold():
        return True
    # Only what came from the hub has a revision; the ids of embedded weights are paths.
    if (model.digest and record.digest) or (model.id and record.revision):
        return False
    return None


def hub_id(spec: str) -> str:
    """Return the hub id of a model named by its id or by a folder: of the hub's cache (``models--ORG--NAME``), or one
    that is called ``ORG/NAME``.
    """
    folder = Path(spec)
    if not folder.is_dir():
        return spec
    parts = folder.resolve().parts
    cached = next((part for part in parts if part.startswith("models--")), "")
    return cached.removeprefix("models--").replace("--", "/") if cached else "/".join(parts[-2:])
