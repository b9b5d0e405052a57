"""The ratio of accuracies and its interval."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.evaluators.fmr.ratio import percent_ratio
from editmill.manifests import RequestError


@pytest.mark.parametrize("n", [4, 400])
def test_equal_and_lost_conditions_have_the_quotients_of_both_exact_intervals(n: int) -> None:
    right = np.ones(n)
    end = (0.05 / 4) ** (1 / n)
    equal, lost = percent_ratio(right, right, resamples=100), percent_ratio(right, 0 * right, resamples=100)
    assert equal is not None
    assert lost is not None
    assert (equal.value, equal.low, equal.high) == pytest.approx((100, 100 * end, 100 / end))
    assert (lost.value, lost.low, lost.high) == pytest.approx((0, 0, 100 * (1 - end) / end))
    assert (equal.n, lost.n) == (n, n)


def test_a_ratio_that_no_resample_changes_has_an_interval() -> None:
    before = np.r_[np.ones(30), np.zeros(20)]
    found = percent_ratio(before, np.zeros(50), resamples=100)
    assert found is not None
    assert found.drawn[0] == 0 < 5 < found.drawn[1] < 40


def test_the_interval_covers_and_does_not_depend_on_order() -> None:
    rng = np.random.default_rng(0)
    before = (rng.random(200) < 0.9).astype(float)
    after = before * (rng.random(200) < 0.6)
    found, turned = (
        percent_ratio(before, after, resamples=2000),
        percent_ratio(before[::-1], after[::-1], resamples=2000),
    )
    assert found == turned
    assert found is not None
    low, high = found.drawn
    assert low < 60 < high
    # About 2 * 1.96 * sqrt(0.6 * 0.4 / 180).
    assert high - low == pytest.approx(14.3, abs=2.5)


def test_without_a_right_original_there_is_no_ratio() -> None:
    assert percent_ratio([0.0, 0.0], [1.0, 1.0]) is None
    assert percent_ratio([], []) is None
    with pytest.raises(RequestError, match="pairs"):
        percent_ratio([1.0], [1.0, 0.0])
