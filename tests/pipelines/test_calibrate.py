"""Calibration before a build: a report is made once, kept, and ends a build whose guards err too much."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.guard_report import GuardReport, read_guard_report, write_guard_report
from editmill.pipelines.calibrate import calibrate_guards, given_report, make_report
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe
from tests.manifests.test_guard_report import make_report as report_of
from tests.pipelines.conftest import PLACEMENT, MakePlan


@pytest.fixture
def plan() -> Plan:
    """A small plan with a calibration."""
    small = ("source.count=1", "source.size=32", "calibration.source.count=1", "calibration.source.size=32")
    return make_plan(load_recipe("imagenet-g", overrides=small))


def test_a_report_above_its_limit_ends_every_try_and_is_made_once(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[GuardReport] = []

    def measured(plan: Plan, placement: object, inputs: str) -> GuardReport:
        made.append(report_of(far_upper_limit=0.001, inputs=inputs))
        return made[-1]

    monkeypatch.setattr("editmill.pipelines.calibrate.make_report", measured)
    for _ in range(2):
        with pytest.raises(DataError, match="above the limit"):
            calibrate_guards(plan, tmp_path, PLACEMENT, "1" * 64)
    assert [read_guard_report(tmp_path)] == made
    for name in ("other", "third"):
        (tmp_path / name).mkdir()
    # What was measured from something else does not serve; what another dataset has does.
    for _ in range(2):
        with pytest.raises(DataError, match="above the limit"):
            calibrate_guards(plan, tmp_path / "other", PLACEMENT, "2" * 64, reuse=tmp_path)
        with pytest.raises(DataError, match="above the limit"):
            calibrate_guards(plan, tmp_path / "third", PLACEMENT, "2" * 64, reuse=tmp_path / "other")
    assert len(made) == 2


def test_sums_are_taken_on_one_thread(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def seen(*arguments: object) -> GuardReport:
        threads.append(torch.get_num_threads())
        return report_of()

    monkeypatch.setattr(type(plan.recipe.family), "calibrate", seen)
    torch.set_num_threads(2)
    make_report(plan, PLACEMENT, "")
    assert threads == [1]


def test_recipes_without_calibration_have_no_report(tiny_plan: MakePlan, tmp_path: Path) -> None:
    assert calibrate_guards(tiny_plan(), tmp_path, PLACEMENT, "") is None
    with pytest.raises(RequestError, match="no calibration"):
        make_report(tiny_plan(), PLACEMENT, "")


def test_a_report_that_is_given_is_read_and_checked(plan: Plan, tiny_plan: MakePlan, tmp_path: Path) -> None:
    path = write_guard_report(tmp_path, report_of())
    assert given_report(plan, path) == report_of()
    with pytest.raises(RequestError, match=r"is not a guard_report\.json"):
        given_report(plan, tmp_path / "other.json")
    with pytest.raises(RequestError, match="no calibration"):
        given_report(tiny_plan(), path)


def test_thin_limits_are_warned_of_before_a_build(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    thin = report_of().thresholds[0].model_copy(update={"rank": 1})
    monkeypatch.setattr("editmill.pipelines.calibrate.make_report", lambda *given: report_of(thresholds=(thin,)))
    calibrate_guards(plan, tmp_path, PLACEMENT, "")
    assert "label_clip (k = 1 of 100)" in caplog.text
