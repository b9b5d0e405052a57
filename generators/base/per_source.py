"""What renderer and guards remember of sources, so that several edits of one source share one look at it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from editmill.generators.models.together import wait

T = TypeVar("T")
# Shards go through their sources one after another; partners come back a little later.
CAPACITY = 64


class PerSource(Generic[T]):
    """The last results by key; the oldest is forgotten first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._results: dict[Hashable, T] = {}
        self._begun: set[Hashable] = set()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result kept under ``key``, or that of ``compute``."""
        # A job beside this one may be at it, and wait for a network.
        while key in self._begun:
            wait()
        if key not in self._results:
            self._keep(key, compute)
        return self._results[key]

    def _keep(self, key: Hashable, compute: Callable[[], T]) -> None:
        self._begun.add(key)
        try:
            result = compute()
        finally:
            self._begun.discard(key)
        while len(self._results) >= self.capacity:
            self._results.pop(next(iter(self._results)))
        self._results[key] = result
