"""Some of the kills that ``make faults`` runs more of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_jobs_that_are_killed_end_in_the_files_of_one_that_was_not() -> None:
    # In a process of its own, which has no thread but one when it forks.
    command = [sys.executable, "-m", "tests.faults", "--only", "kills", "--count", "20"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["kills", "20", "20", "0"]
