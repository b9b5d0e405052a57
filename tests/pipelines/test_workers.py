"""Processes that build shards, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys


def test_a_worker_ends_at_once_with_all_that_it_said_and_registered() -> None:
    code = (
        "import atexit, sys; from editmill.pipelines.workers import _leave\n"
        "atexit.register(sys.stdout.write, 'tidied'); sys.stderr.write('warned'); _leave(); sys.stdout.write('late')"
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout, done.stderr) == ("tidied", "warned")
