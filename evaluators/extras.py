"""The packages that draw pages, which the base installation lacks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from editmill.manifests import RequestError
from editmill.manifests.plugins import install_hint


def require_drawing(name: str) -> Any:
    """Import a package of the extra ``report``.

    Raises:
        RequestError: It is not installed; the message names the install command.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        what = f"pages need the package {error.name!r}, which is not installed"
        fix = f"{install_hint('report')}; text, csv, json, latex and markdown need nothing more"
        raise RequestError(what, fix=fix) from error


def check_drawing() -> None:
    """Refuse to begin what ends with a page that can't be drawn.

    Raises:
        RequestError: A package of the extra ``report`` is not installed.
    """
    for name in ("jinja2", "matplotlib"):
        require_drawing(name)
