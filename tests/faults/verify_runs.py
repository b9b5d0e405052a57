"""Runs of ``editmill verify`` on one intact dataset, each in a process of its own: all must end well.

Threads of a library that outlive the work abort a process at its end now and then, after everything was printed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.manifests.builder import build_dataset


def run(count: int, folder: Path) -> list[str]:
    """Verify a dataset that is written to ``folder``, ``count`` times, and return what was wrong, a line each."""
    dataset = folder / "set"
    build_dataset(dataset, sources=40, shards=4)
    command, failures = [sys.executable, "-m", "editmill", "verify", str(dataset)], list[str]()
    for number in range(count):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0 or done.stderr or "intact" not in done.stdout:
            failures.append(f"run {number}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return failures
