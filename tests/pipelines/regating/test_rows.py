"""Rows whose stored verdict their scores do not give, and rows that no guard decided over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from editmill.generators.base.family import Decision
from editmill.generators.guards.ensemble.regating import EnsembleRegating
from editmill.manifests.records import SampleRow
from editmill.pipelines.regating.regate import regate
from editmill.pipelines.regating.rows import regate_row
from tests.manifests.builder import make_row, make_sources
from tests.pipelines.regating.guarded import build_guarded


def at_least(limit: float) -> Any:
    """The rule that ``area`` has to reach a limit."""

    def judge(row: SampleRow, scores: Mapping[str, float], said: Sequence[str]) -> Decision:
        return Decision(dict(scores), () if scores["area"] >= limit else ("too_small",))

    return judge


def row(reason: str = "") -> SampleRow:
    """A row that tells of no candidate; its area is 0.08."""
    return make_row(make_sources(1)[0], "size", reason=reason).model_copy(update={"candidates": ()})


@pytest.mark.parametrize(
    ("reason", "after", "status"),
    [("", 0.2, "ok"), ("other", 0.05, "rejected"), ("other", 0.2, "rejected")],
    ids=["stored", "passes now", "still refused"],
)
def test_a_row_without_candidates_is_unexplained_where_its_scores_say_otherwise(
    reason: str, after: float, status: str
) -> None:
    # The old rule refuses 0.08, and the build did not say so.
    found = regate_row(row(reason), at_least(0.1), at_least(after))
    assert (found.unexplained, found.row.status) == (True, status)
    assert not regate_row(row(reason), at_least(0.01), at_least(0.01)).unexplained


@pytest.mark.parametrize("changed", [{"edit": "original"}, {"parameters": {"fallback": True}}], ids=str)
def test_what_is_kept_in_any_case_is_no_guard_s(changed: dict[str, Any]) -> None:
    assert EnsembleRegating().binds(row())
    assert not EnsembleRegating().binds(row().model_copy(update=changed))


def test_originals_that_guards_would_refuse_are_explained_and_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_guarded(tmp_path / "set")
    monkeypatch.setattr(EnsembleRegating, "binds", lambda self, row: False)
    result = regate(tmp_path / "set", tmp_path / "new", overrides=("guard.contrast=50",))
    assert (result.lost, result.unexplained, result.needs_rendering) == ((), (), ())
    assert result.manifest.samples == result.parent.samples
