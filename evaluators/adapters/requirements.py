"""Frameworks that the base installation does not have, and what they say where a model does not load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from editmill.manifests import ModelError
from editmill.manifests.errors import first_line
from editmill.manifests.plugins import install_hint


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
        what = f"{wanted_by} needs the package {error.name!r}, which is not installed"
        raise ModelError(what, fix=install_hint("generate")) from error


# What frameworks raise where a model does not load.
LOADING = (OSError, ValueError, RuntimeError, KeyError)


@contextmanager
def refusing(
    what: str, errors: tuple[type[Exception], ...] = LOADING, *, where: str = "", fix: str = ""
) -> Iterator[None]:
    """Turn errors of a framework into one of ours that says ``what`` failed, with the first line of the reason."""
    try:
        yield
    except errors as error:
        raise ModelError(f"{what}: {first_line(error)}", where=where, fix=fix) from error


def shown_name(model: str) -> str:
    """Return the name of a model of transformers in reports: a folder's last part, or the hub id."""
    return f"transformers:{Path(model).resolve().name if Path(model).is_dir() else model}"
