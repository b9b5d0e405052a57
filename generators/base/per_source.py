"""What renderer and guards remember of sources, so that several edits of one source share one look at it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
# Shards go through their sources one after another; partners come back a little later.
CAPACITY = 64


class PerSource(Generic[T]):
    """The last results by key; the oldest is forgotten first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._results: dict[Hashable, T] = {}

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result kept under ``key``, or that of ``compute``."""
        if key not in self._results:
            while len(self._results) >= self.capacity:
                self._results.pop(next(iter(self._results)))
            self._results[key] = compute()
        return self._results[key]
