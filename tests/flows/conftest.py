"""A Prefect server for the tests of this folder, and Prefect's command line against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from editmill import flows  # noqa: F401 - sets Prefect's environment, which is read at the import below.

os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"

from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.testing.utilities import prefect_test_harness

ROOT = Path(__file__).parents[2]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
# Two cores are shared with whatever else runs, so nothing here is timed tightly.
START_TIMEOUT = 180
COMMAND_TIMEOUT = 300


def prefect_cli(environment: dict[str, str]) -> Cli:
    """Prefect's command line as a function of its arguments."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=ROOT,
            env={**environment, "EDITMILL_ROOT": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"prefect {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of processes that talk to the session's temporary server."""
    home = tmp_path_factory.mktemp("prefect")
    with temporary_settings({PREFECT_HOME: home}), prefect_test_harness(server_startup_timeout=START_TIMEOUT):
        yield {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": PREFECT_API_URL.value()}


@pytest.fixture
def cli(prefect_environment: dict[str, str]) -> Cli:
    """Prefect's command line against the session's temporary server."""
    return prefect_cli(prefect_environment)
