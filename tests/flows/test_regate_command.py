"""``editmill regate`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from editmill.flows.cli import main
from tests.pipelines.regating.guarded import build_guarded


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_counts_and_keys(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set")
    result = run(
        "regate",
        tmp_path / "set",
        "--set",
        "guard.change=0",
        "--set",
        "guard.gates=[label_clip]",
        "--out",
        tmp_path / "new",
    )
    assert result.exit_code == 0, result.output
    assert "needs rendering: 1 rows" in result.output
    assert "tiny 1.1.0, 4 samples" in result.output
    assert run("verify", tmp_path / "new").exit_code == 0
    again = run(
        "regate",
        tmp_path / "new",
        "--set",
        "guard.contrast=50",
        "--version",
        "3.0.0",
        "--out",
        tmp_path / "none",
        "--json",
    )
    document = json.loads(again.output)
    assert (document["version"], document["before"]["ok"], document["after"]["ok"], len(document["lost"])) == (
        "3.0.0",
        4,
        0,
        4,
    )


def test_requests_that_are_wrong(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set")
    for arguments in ((), ("--set", "guard.none=1"), ("--set", "guard.hamming=3"), ("--set", "guard.contrast=x")):
        result = run("regate", tmp_path / "set", *arguments, "--out", tmp_path / "new")
        assert result.exit_code == 2, result.output
        assert result.output.count("error:") == 1
        assert "fix:" in result.output or "guard.contrast" in result.output
    assert not (tmp_path / "new").exists()
