"""A build whose processes are killed in the middle of a shard, and its resumption."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ATTACKS = "[{name: pipeline, start: none}, {name: s02, start: partial, n_steps: 1, steps: 50}]"
BUILD = (
    sys.executable,
    "-m",
    "editmill.flows.cli",
    "build",
    "watermark",
    "--set",
    "source.count=6",
    "--set",
    "generator.schemes=[{name: dwtDctSvd}]",
    "--set",
    f"generator.attacks={ATTACKS}",
    "--shards",
    "2",
    "--workers",
    "2",
)


def start(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*BUILD, "--device", "cpu", "--out", str(out)],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def kill_after(build: subprocess.Popen[str], samples: int) -> None:
    """Kill the build and its workers, without a chance to clean up, when ``samples`` are done."""
    assert build.stderr is not None
    text, deadline = "", time.time() + 300
    while time.time() < deadline:
        text += build.stderr.read(1)
        if any(int(done) >= samples for done in re.findall(r" (\d+)/\d+ \[", text)):
            os.killpg(build.pid, signal.SIGKILL)
            assert build.wait() == -signal.SIGKILL
            build.stderr.close()
            return
    raise AssertionError(text)


def shards(out: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(out.glob("*/*.tar"))}


@pytest.mark.slow
def test_a_killed_build_resumes_to_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole")
    _, errors = whole.communicate()
    assert whole.returncode == 0, errors
    kill_after(start(tmp_path / "killed"), 3)
    assert len(shards(tmp_path / "killed")) < 2
    assert list((tmp_path / "killed").glob("*.editmill-lock"))
    resumed = start(tmp_path / "killed")
    _, errors = resumed.communicate()
    assert resumed.returncode == 0, errors
    assert "waiting for" not in errors
    assert not list(tmp_path.rglob(".*"))
    assert len(shards(tmp_path / "whole")) == 2
    assert shards(tmp_path / "killed") == shards(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("whole_group", [True, False])
def test_a_stopped_build_says_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals, whole_group: bool
) -> None:
    build = start(tmp_path / "set")
    assert build.stderr is not None
    text, deadline = "", time.time() + 300
    while not re.search(r" \d+/\d+ \[", text) and time.time() < deadline:
        text += build.stderr.read(1)
    (os.killpg if whole_group else os.kill)(build.pid, number)
    _, said = build.communicate(timeout=60)
    assert build.returncode == 128 + number
    assert said.splitlines()[-1] == "stopped; run the same command again to go on"
    assert "Traceback" not in text + said
    assert not [path for path in tmp_path.rglob(".*") if path.suffix in (".editmill-tmp", ".editmill-lock")]


@pytest.mark.slow
def test_a_second_build_waits_and_finds_the_dataset(tmp_path: Path) -> None:
    first = start(tmp_path / "set")
    while first.poll() is None and not list(tmp_path.rglob(".build.editmill-lock")):
        time.sleep(0.1)
    second = start(tmp_path / "set")
    _, errors = second.communicate()
    first.communicate()
    assert (first.returncode, second.returncode) == (0, 0), errors
    assert f"waiting for {tmp_path / 'set'}, which process {first.pid} on" in errors
    assert "editing" not in errors
    assert not list(tmp_path.rglob(".*"))
