"""Work for threads: what lets others run meanwhile, such as hashing, reading and decoding."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

# Results that are ready before the first of them is taken, for each thread.
AHEAD = 8


def usable_cores() -> int:
    """Return the cores that this process may use; containers and job schedulers often grant fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Yield ``function`` of every item in the order of the items, computed in as many threads as there are cores.

    Few items are in work at a time, however many there are. The first exception, in their order, is raised.
    """
    remaining, threads = iter(items), usable_cores()
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[T]] = deque(pool.submit(function, item) for item in islice(remaining, AHEAD * threads))
        try:
            while running:
                yield running.popleft().result()
                running.extend(pool.submit(function, item) for item in islice(remaining, 1))
        finally:
            for future in running:
                future.cancel()
