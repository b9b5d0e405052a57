"""Runs of ``editmill verify`` on one intact dataset, each in a process of its own: all must end well.

    python -m tests.faults.verify_runs [--count N] [--dataset FOLDER]

Threads of a library that outlive the work abort a process at its end now and then, after everything was printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.manifests.builder import build_dataset


def run(count: int, folder: Path, *, dataset: Path | None = None) -> list[str]:
    """Verify ``count`` times and return what was wrong, a line each; without a dataset one is written to ``folder``."""
    if dataset is None:
        dataset = folder / "set"
        build_dataset(dataset, sources=40, shards=4)
    command, failures = [sys.executable, "-m", "editmill", "verify", str(dataset)], list[str]()
    for number in range(count):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0 or done.stderr or "intact" not in done.stdout:
            failures.append(f"run {number}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return failures


def main() -> int:
    """Verify as often as was asked for; return 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.verify_runs", description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--dataset", type=Path, help="an intact dataset  [default: a small one is written]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        failures = run(asked.count, Path(folder), dataset=asked.dataset)
    print("\n".join([*failures, f"{asked.count} runs, {len(failures)} failures"]))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
