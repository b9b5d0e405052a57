"""Registries: what comes with editmill by name, and what installed packages add to it through entry points."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from editmill.manifests.errors import RequestError

logger = logging.getLogger("editmill.plugins")

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects by name. They are imported when they are first asked for, so that listing names costs nothing.

    A package adds an object by an entry point of the group, as in ``[project.entry-points."editmill.families"]`` with
    ``name = "package.module:object"``. The names that come with editmill can't be taken over. An object that does not
    fit is an error where it is asked for, and is left out of lists with a warning.

    Args:
        group: Of the entry points, such as ``editmill.families``.
        what: What the objects are, for messages, such as "family".
        own: What comes along, as ``module:object`` by name.
        check: Refuses an object under a name by any exception, whose words say what does not fit.
    """

    def __init__(
        self,
        group: str,
        what: str,
        own: Mapping[str, str],
        check: Callable[[str, Any], None] = lambda name, found: None,
    ) -> None:
        self.group, self.what, self.own, self.check = group, what, own, check
        self._loaded: dict[str, T] = {}
        self._refused: dict[str, RequestError] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        found = {name: EntryPoint(name, value, self.group) for name, value in self.own.items()}
        for point in sorted(entry_points(group=self.group), key=_order):
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
            RequestError: There is none, or the package that brings it does not import, or the object does not fit.
        """
        if name not in self._points:
            fix = f"use one of {', '.join(self.names())}, or install the package that brings it"
            raise RequestError(f"no {self.what} {name!r}", fix=fix)
        if name in self._refused:
            raise self._refused[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def known(self) -> dict[str, T]:
        """Return what was loaded so far by name, in that order."""
        return dict(self._loaded)

    def package(self, name: str) -> dict[str, str]:
        """Return the version of the distribution that brings a name, by its name; nothing for those that come along."""
        point = self._points.get(name)
        return {point.dist.name: point.dist.version} if point is not None and point.dist is not None else {}

    def _load(self, name: str) -> T:
        point, problem = self._points[name], "does not import"
        try:
            found: T = point.load()
            problem = "does not fit"
            self.check(name, found)
        except Exception as error:
            # A fault of our own keeps its traceback.
            if name in self.own:
                raise
            package = f" of {point.dist.name}" if point.dist is not None else ""
            what = f"the {self.what} {name!r} {problem}: {type(error).__name__}: {error}"
            fix = "repair or uninstall the package that brings it"
            self._refused[name] = RequestError(what, where=f"{point.value}{package}", fix=fix)
            logger.warning("left out: %s", self._refused[name])
            raise self._refused[name] from error
        return found

    def loaded(self) -> dict[str, T]:
        """Return every object by name; those that do not import or do not fit are left out, with one warning each."""
        found = {}
        for name in self.names():
            with suppress(RequestError):
                found[name] = self.get(name)
        return found


def _order(point: EntryPoint) -> tuple[str, bool, str]:
    """Sort by name, ours first; the order of folders that Python searches decides nothing."""
    return point.name, not point.value.startswith("editmill."), point.value


def install_hint(extras: str) -> str:
    """Return how extras of editmill are installed: from a checkout, of which the embedded pack is a folder."""
    # The extra requires the pack, which is on no index.
    pack = " ./packs/tabletop" if "generate" in extras.split(",") else ""
    return f"in a checkout of editmill: pip install --constraint constraints.txt '.[{extras}]'{pack}"


def require(fits: bool, what: str) -> None:
    """Refuse an object that does not fit, in the words of ``what``.

    Raises:
        TypeError: It does not.
    """
    if not fits:
        raise TypeError(what)


def require_class(found: Any, base: type, *attributes: str) -> None:
    """Refuse anything but a complete subclass of ``base`` with these class attributes.

    Raises:
        TypeError: It is no such class.
    """
    require(inspect.isclass(found) and issubclass(found, base), f"a subclass of {base.__name__} is expected")
    missing = [name for name in attributes if not hasattr(found, name)]
    missing += sorted(getattr(found, "__abstractmethods__", ()))
    require(not missing, f"{found.__name__} lacks {', '.join(missing)}")
