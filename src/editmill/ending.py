"""How a process ends that has loaded model libraries. Imports nothing of editmill, since that may be stopped too."""

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
        sys.stderr.flush()
    os._exit(code)


def watched() -> bool:
    """Return whether a debugger, a profiler or a measurement of coverage is at work: they write at the very end."""
    # Newer ones do without the hooks of Python 3.11.
    monitoring = getattr(sys, "monitoring", None)
    tools = monitoring is not None and any(map(monitoring.get_tool, range(6)))
    return bool(sys.gettrace() or sys.getprofile() or tools)
