"""How a process ends that has loaded model libraries."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn

STOPPED = "stopped; run the same command again to go on"


def leave(code: int = 0) -> NoReturn:
    """End the process with all that was registered for its end, but without taking its model libraries apart, which
    takes a second and gains nothing.
    """
    atexit._run_exitfuncs()
    # Whoever read what was printed may have seen enough.
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(code)
