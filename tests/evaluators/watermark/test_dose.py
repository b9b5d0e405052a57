from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.evaluators.watermark.dose import crossings
from editmill.evaluators.watermark.evaluation import evaluate_watermark
from tests.evaluators.builder import quick
from tests.evaluators.watermark.builder import LADDER, Rung, tabulate


def test_crossings_are_interpolated_at_the_first_fall() -> None:
    axis = np.array([[0.0, 0.2, 0.4, 0.6]] * 4)
    curves = np.array([[1.0, 0.8, 0.2, 0.6], [1.0, 0.9, 0.8, 0.7], [0.4, 0.3, 0.2, 0.1], [1.0, 0.5, 0.0, 0.0]])
    assert crossings(axis, curves, 0.5).tolist() == pytest.approx([0.3, math.inf, 0.0, 0.2])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.floats(0.05, 0.9))
def test_a_lower_level_is_reached_later(values: list[float], level: float) -> None:
    axis, curve = np.arange(len(values), dtype=np.float64)[None], np.array(values)[None]
    assert crossings(axis, curve, level)[0] <= crossings(axis, curve, level / 2)[0] + 1e-9


def by_rung(shares: dict[str, float], count: int) -> dict[str, int]:
    return {rung: round(share * count) for rung, share in shares.items()}


def test_a_known_curve(tmp_path: Path) -> None:
    found = by_rung({"pipeline": 1, "vae": 1, "s12": 0.9, "s50": 0.1, "terminal": 0.05, "clean": 0}, 40)

    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return 32 if positive and number < found[rung] else 16

    result = evaluate_watermark(tabulate(tmp_path, sources=40, matches=matches), [], quick(200))
    dose = result.doses[0]
    assert dose.s50.value == pytest.approx(0.119 + 0.5 * (0.499 - 0.119))
    assert dose.s50.low is not None
    assert dose.s50.high is not None
    assert dose.s50.low <= dose.s50.value <= dose.s50.high
    assert dose.s5.value == pytest.approx(0.999)
    # None of 40 is found at the last rung, where up to 8.8 % may be: the interval has no end.
    assert dose.s5.low is not None
    assert dose.s5.low < 0.999
    assert dose.s5.high is None
    assert dose.avg_p is not None
    assert dose.avg_p.value == pytest.approx((1 + 0.9 + 0.1 + 0.05 + 0) / 5)
    assert dose.avg_q is not None
    assert dose.avg_q.value == pytest.approx(1 - np.mean([rung.ssim for rung in LADDER[1:]]) + 0.02)
    assert dose.q95 is not None
    assert dose.q95.value == pytest.approx(0.07 + 0.5 * 0.05)
    assert [one.rung for one in result.breaking] == ["s50"]
    assert result.breaking[0].clear
    assert result.breaking[0].before == "s12"
    assert not result.violations


def test_levels_that_no_rung_reaches(tmp_path: Path) -> None:
    strong = evaluate_watermark(
        tabulate(tmp_path, sources=10, matches=lambda scheme, rung, number, positive: 32 if positive else 16),
        [],
        quick(50),
    )
    assert strong.doses[0].s50.state == "not_reached"
    assert strong.doses[0].s50.value is strong.doses[0].s50.high is None
    assert strong.breaking[0].rung == ""
    weak = evaluate_watermark(
        tabulate(tmp_path, sources=10, matches=lambda scheme, rung, number, positive: 16), [], quick(50)
    )
    assert weak.doses[0].s50.state == "below_from_start"
    assert weak.doses[0].s50.value == 0


def test_a_ladder_that_does_not_fall_is_flagged(tmp_path: Path) -> None:
    ladder = (*LADDER[:3], Rung("s20", "partial", 199, 40.0, 0.5, 0.8), Rung("odd", "partial", 299, 60.0, 0.4, 0.7))

    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return 32 if positive and (rung == "odd" or number < 2) else 16

    result = evaluate_watermark(tabulate(tmp_path, sources=20, rungs=ladder, matches=matches), [], quick(50))
    found = [(one.kind, one.before, one.after) for one in result.violations]
    assert found == [("snr", "s12", "s20"), ("snr", "s20", "odd"), ("tpr", "pipeline", "odd")]
    assert "rises" in result.violations[2].message
    assert set(result.warnings) > {one.message for one in result.violations}
