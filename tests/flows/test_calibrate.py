"""The command ``calibrate``: the report is written whatever it says, and limits decide the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from editmill.flows.cli import main
from editmill.manifests.guard_report import read_guard_report
from tests.manifests.test_guard_report import make_report

SMALL = ("--set", "source.count=8", "--set", "source.size=32", "--device", "cpu")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The limit of false accepts of the report that calibration gives."""
    limits: list[float | None] = [None]
    monkeypatch.setattr(
        "editmill.pipelines.calibrate.make_report", lambda *arguments, **named: make_report(far_upper_limit=limits[0])
    )
    return limits


def test_the_table_shows_members_classes_and_what_is_excluded(limit: list[float | None], tmp_path: Path) -> None:
    result = run("imagenet-g", "--out", tmp_path / "new" / "guards", *SMALL)
    assert result.exit_code == 0, result.output
    for words in ("ensemble", "4.00%", "0.95%", "mug", "UNGUARDABLE", "unguardable classes: mug", "label_clip 30.00%"):
        assert words in result.output
    assert read_guard_report(tmp_path / "new" / "guards").unguardable == ("mug",)


def test_a_passed_limit_is_exit_1_with_the_report_written(limit: list[float | None], tmp_path: Path) -> None:
    limit[0] = 0.001
    result = run("imagenet-g", "--out", tmp_path, *SMALL)
    assert result.exit_code == 1
    assert "above the limit" in result.output
    assert read_guard_report(tmp_path).far_upper_limit == 0.001


def test_json(limit: list[float | None], tmp_path: Path) -> None:
    document = json.loads(run("imagenet-g", "--out", tmp_path, "--json", *SMALL).output)
    assert (document["ok"], document["unguardable"]) == (True, ["mug"])
    assert document["digest"] == make_report().digest


def test_recipes_without_calibration_are_refused(tmp_path: Path) -> None:
    result = run("imagenet-e", "--out", tmp_path)
    assert result.exit_code == 2
    assert "no calibration" in result.output
