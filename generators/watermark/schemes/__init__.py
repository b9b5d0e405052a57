"""Watermark schemes by name, and schemes of others by a factory."""

from __future__ import annotations

import importlib
from typing import Any

from editmill.generators.watermark.schemes.base import EmbeddingError, ReadingError, Scheme, embed, read
from editmill.generators.watermark.settings import SchemeSettings
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import RequestError
from editmill.manifests.plugins import install_hint

__all__ = ["EmbeddingError", "ReadingError", "Scheme", "embed", "make_scheme", "read"]

PARTS = ("name", "package", "version", "bits", "parameters", "embed", "scores")
INSTALL = f"install them; {install_hint('generate,watermark')}"


def make_scheme(settings: SchemeSettings) -> Scheme:
    """Return the scheme that a recipe names.

    Raises:
        RequestError: Its package is not installed, or its factory is missing, fails, or gives something else.
    """
    kind = settings.kind
    if kind is None:
        return _from_factory(settings)
    try:
        adapter: Any = getattr(importlib.import_module(f"{__name__}.{kind.module}"), kind.cls)
        scheme: Scheme = adapter(settings.name, settings.bits)
        return scheme
    except ImportError as error:
        what = f"the scheme {settings.name} needs packages that are not installed: {error}"
        raise RequestError(what, where="generator.schemes", fix=INSTALL) from error


def _from_factory(settings: SchemeSettings) -> Scheme:
    """Return the scheme of a factory, whose module is imported here and nowhere before."""
    where = f"generator.schemes: {settings.name}"
    module, _, name = settings.factory.partition(":")
    try:
        scheme: Any = getattr(importlib.import_module(module), name)(**settings.options)
    except Exception as error:
        what = f"the factory {settings.factory} fails: {type(error).__name__}: {error}"
        raise RequestError(what, where=where, fix="check package.module:function and the options") from error
    return _checked(scheme, settings, where)


def _checked(scheme: Any, settings: SchemeSettings, where: str) -> Scheme:
    missing = [part for part in PARTS if not hasattr(scheme, part)]
    if missing:
        what = f"{settings.factory} gave a scheme without {', '.join(missing)}"
        raise RequestError(what, where=where, fix="see docs/watermark.md")
    try:
        canonical_json(scheme.parameters)
    except ValueError as error:
        what = f"{settings.factory}: parameters are not JSON values"
        raise RequestError(what, where=where, fix="use plain numbers, texts, lists") from error
    if (scheme.name, scheme.bits) != (settings.name, settings.bits):
        what = f"{settings.factory} gave {scheme.name!r} with {scheme.bits} bits, the recipe says {settings.bits}"
        raise RequestError(what, where=where, fix="let name and bits agree")
    checked: Scheme = scheme
    return checked
