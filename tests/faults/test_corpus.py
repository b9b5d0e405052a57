"""A hundred kinds of bad input and twenty kills with every test run; ``python -m tests.faults`` has all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.case import Case, error, fine, nothing
from tests.faults.corpus import corpus, representative
from tests.faults.judge import Outcome, faults_of

QUICK = representative()


@dataclass(frozen=True)
class Ran:
    """What came of each case of the corpus by name, and what was printed."""

    cases: dict[str, Any]
    printed: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run all in one process of their own, which forks: a test runner has threads, and forks must not."""
    report = tmp_path_factory.mktemp("faults") / "report.json"
    parts = ["--only", "corpus", "--quick", "--only", "kills", "--count", "20", "--json", str(report)]
    command = [sys.executable, "-m", "tests.faults", *parts]
    # Of a store that other tests serve.
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=900)
    assert report.exists(), done.stderr
    return Ran({one["name"]: one for one in json.loads(report.read_text())}, done.stdout + done.stderr)


@pytest.mark.parametrize("name", [case.name for case in QUICK])
def test_is_handled(ran: Ran, name: str) -> None:
    assert not ran.cases[name]["faults"], ran.cases[name]


def test_jobs_that_are_killed_end_in_the_files_of_one_that_was_not(ran: Ran) -> None:
    assert "kills 20 20 0" in " ".join(ran.printed.split()), ran.printed


def test_the_corpus_is_large() -> None:
    assert len(QUICK) >= 80
    assert len(corpus()) >= 600


def outcome(**changes: Any) -> Outcome:
    plain = {"code": 2, "out": "", "err": "error: no file\n  where: a.csv\n  fix: name another\n", "left": ()}
    return Outcome(**{**plain, "seconds": 0.1, "waited": 0.1, "memory": 1, **changes})


def test_a_good_message_is_handled(tmp_path: Path) -> None:
    case = Case("x", nothing, ("plan",), error("a.csv"))
    assert not list(faults_of(case, outcome(), tmp_path, seconds=10, memory=100))


@pytest.mark.parametrize(
    "changes",
    [
        {"code": 1},
        {"code": 0},
        {"err": "error: no file\n  where: a.csv\n"},
        {"err": "error: no file\n  fix: name another\n"},
        {"err": "Traceback (most recent call last):\nerror: a.csv\n  fix: x\n"},
        {"err": "error: KeyError('a.csv')\n  fix: x\n"},
        {"err": "error: a.csv\n  fix: x\nerror: again\n"},
        {"left": ("out",)},
        {"memory": 200},
        {"memory": None},
        {"seconds": 11.0},
    ],
)
def test_anything_less_is_not(tmp_path: Path, changes: dict[str, Any]) -> None:
    case = Case("x", nothing, ("plan",), error("a.csv"))
    assert list(faults_of(case, outcome(**changes), tmp_path, seconds=10, memory=100))


def test_output_that_lacks_a_part_is_not(tmp_path: Path) -> None:
    case = Case("x", nothing, ("plan",), fine("shards"))
    assert not list(faults_of(case, outcome(code=0, out="shards: 1", err=""), tmp_path, seconds=10, memory=100))
    assert list(faults_of(case, outcome(code=0, out="", err=""), tmp_path, seconds=10, memory=100))
