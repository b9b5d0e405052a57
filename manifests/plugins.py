"""Registries: what comes with editmill by name, and what installed packages add to it through entry points."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from editmill.manifests.errors import RequestError

logger = logging.getLogger("editmill.plugins")

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects by name. They are imported when they are first asked for, so that listing names costs nothing.

    A package adds an object by an entry point of the group, as in ``[project.entry-points."editmill.families"]`` with
    ``name = "package.module:object"``. The names that come with editmill can't be taken over.

    Args:
        group: Of the entry points, such as ``editmill.families``.
        what: What the objects are, for messages, such as "family".
        own: What comes along, as ``module:object`` by name.
    """

    def __init__(self, group: str, what: str, own: Mapping[str, str]) -> None:
        self.group, self.what, self.own = group, what, own
        self._loaded: dict[str, T] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        found = {name: EntryPoint(name, value, self.group) for name, value in self.own.items()}
        for point in sorted(entry_points(group=self.group), key=lambda point: point.name):
            if found.setdefault(point.name, point).value != point.value:
                logger.warning("the %s %r of %s is left out: the name is taken", self.what, point.name, point.value)
        return found

    def names(self) -> tuple[str, ...]:
        """Return every name, those that come along first."""
        return tuple(self._points)

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def get(self, name: str) -> T:
        """Return the object with a name.

        Raises:
            RequestError: There is none, or the package that brings it does not import.
        """
        if name not in self._points:
            fix = f"use one of {', '.join(self.names())}, or install the package that brings it"
            raise RequestError(f"no {self.what} {name!r}", fix=fix)
        if name not in self._loaded:
            point = self._points[name]
            try:
                self._loaded[name] = point.load()
            except Exception as error:
                # A fault of our own keeps its traceback.
                if name in self.own:
                    raise
                what = f"the {self.what} {name!r} does not import: {type(error).__name__}: {error}"
                raise RequestError(
                    what, where=point.value, fix="repair or uninstall the package that brings it"
                ) from error
        return self._loaded[name]

    def loaded(self) -> dict[str, T]:
        """Return every object by name; those of packages that do not import are left out with a warning."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.get(name)
            except RequestError as error:
                logger.warning("%s", error)
        return found
