"""Where a process spends its time: seconds by stage. Nothing that is released depends on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# In the order in which people read them; what is in none of them is the program's own.
STAGES = ("networks", "fills", "guards", "decode", "encode", "write", "start")

_lock = threading.Lock()
_seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
_within = threading.local()


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count the time of a block, or of a function that this decorates, to one of ``STAGES``.

    Within another stage of the same thread it is the other's: networks that guards ask are time of guards.
    """
    if getattr(_within, "stage", False):
        yield
        return
    _within.stage, started = True, time.perf_counter()
    try:
        yield
    finally:
        _within.stage = False
        # Threads may end blocks of one stage at the same time.
        with _lock:
            _seconds[name] += time.perf_counter() - started


def take_seconds() -> dict[str, float]:
    """Return the seconds by stage since the last call, of stages that took any."""
    with _lock:
        taken = {name: seconds for name, seconds in _seconds.items() if seconds}
        _seconds.update(dict.fromkeys(STAGES, 0.0))
    return taken
