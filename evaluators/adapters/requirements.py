"""Frameworks that the base installation does not have."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from editmill.manifests import ModelError


def require(name: str, *, wanted_by: str) -> ModuleType:
    """Import a framework.

    Args:
        name: The module.
        wanted_by: What needs it, for the message.

    Raises:
        ModelError: It is not installed; the message names the install command.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{wanted_by} needs the package {error.name!r}, which is not installed",
            fix="pip install 'editmill[generate]'",
        ) from error
