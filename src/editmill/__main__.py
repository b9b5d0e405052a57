"""The command ``editmill``, which is also ``python -m editmill``."""

from __future__ import annotations

import os
import signal
import sys
import threading

from editmill.ending import STOPPED, leave, watched


def run() -> None:
    """Run a command, and end without delay: also where Ctrl-C comes before all is imported."""
    # Python has None for what the shell closed, which libraries do not expect.
    for name in ("stdout", "stderr"):
        setattr(sys, name, getattr(sys, name) or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        from editmill.flows.cli import main

        main(prog_name="editmill")
    except SystemExit as end:
        # Threads that nobody waits for any more end with the process; others may still have something to do.
        waited_for = [one for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
        if waited_for or watched() or not isinstance(end.code, int | None):
            raise
        leave(end.code or 0)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        leave(128 + signal.SIGINT)


if __name__ == "__main__":
    run()
