"""Modules that model libraries import when they are installed, and that builds hardly ever use."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """A module that loads when something of it is first used."""

    def __getattr__(self, name: str) -> Any:
        # Who looks through all modules asks each for such names.
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_later(name: str) -> None:
    """Have a module load when something of it is first used, not when it is imported; one that is loaded stays."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is not None:
        module = _Later(name)
        module.__spec__, module.__file__ = spec, spec.origin
        module.__path__ = spec.submodule_search_locations or []
        sys.modules[name] = module
