"""How processes end that have loaded model libraries."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from editmill.ending import STOPPED

STOPS = (
    "import sys\n"
    "class Stop:\n"
    "    def find_spec(self, name, *rest):\n"
    "        if name == 'editmill.manifests': raise KeyboardInterrupt\n"
    "sys.meta_path.insert(0, Stop())\n"
)


def ended(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)


def test_a_process_ends_at_once_with_all_that_it_said_and_registered() -> None:
    code = (
        "import atexit, sys; from editmill.ending import leave\n"
        "atexit.register(sys.stdout.write, 'tidied'); sys.stderr.write('warned'); leave(3); sys.stdout.write('late')"
    )
    done = ended(code)
    assert (done.returncode, done.stdout, done.stderr) == (3, "tidied", "warned")


def test_a_command_that_is_stopped_before_all_is_imported_says_so_in_one_line() -> None:
    done = ended(f"{STOPS}from editmill.__main__ import run; run()")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{STOPPED}\n")


@pytest.mark.parametrize(
    ("words", "before", "code", "left"),
    [
        (["recipes"], "", 0, True),
        (["show", "nothing"], "", 2, True),
        # Each of these would lose something.
        (["recipes"], "threading.Thread(target=threading.main_thread().join).start()", 0, False),
        (["recipes"], "sys.setprofile(lambda *_: None)", 0, False),
        (["recipes"], "sys.settrace(lambda *_: None)", 0, False),
        # What the shell closed.
        (["recipes"], "sys.stderr = None", 0, True),
    ],
)
def test_a_command_ends_without_delay_where_nothing_is_lost(
    words: list[str], before: str, code: int, left: bool
) -> None:
    done = ended(
        "import sys, threading; from editmill import __main__ as command\n"
        f"command.leave = lambda code: (print('left'), sys.exit(code)); sys.argv = ['editmill', *{words}]\n"
        f"{before}\ncommand.run()"
    )
    assert (done.returncode, done.stdout.endswith("left\n")) == (code, left)


def test_a_closed_standard_output_is_no_failure() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m editmill recipes >&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
