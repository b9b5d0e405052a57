from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.evaluators.watermark.rates import EmpiricalThreshold, calibration_half, empirical_threshold, rate
from editmill.manifests import RequestError


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_rate(counts: tuple[int, int]) -> None:
    found = rate(*counts)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_published_half_widths() -> None:
    """At one half 9.6 points off for 100 trials (Wilson), somewhat more for the exact interval.

    None of 1,000 means at most 0.37 %.
    """
    assert rate(0, 1000).high == pytest.approx(0.00368, abs=1e-4)
    assert (rate(50, 100).high - rate(50, 100).low) / 2 == pytest.approx(0.102, abs=0.001)


@pytest.mark.parametrize(("hits", "n"), [(-1, 3), (4, 3), (0, 0)])
def test_impossible_counts_are_refused(hits: int, n: int) -> None:
    with pytest.raises(RequestError):
        rate(hits, n)


def test_an_empirical_tenth_of_a_percent_needs_ten_thousand_nulls() -> None:
    rng = np.random.default_rng(0)
    assert empirical_threshold(rng.random(9_999), 0.001) == "refused: 9999 of 10000 nulls"
    assert isinstance(empirical_threshold(rng.random(10_000), 0.001), EmpiricalThreshold)
    assert empirical_threshold(rng.random(94), 0.01) == "refused: 94 of 95 nulls"
    assert empirical_threshold(np.zeros(0), 0.01) == "refused: 0 of 95 nulls"


def test_an_empirical_threshold_holds_its_level() -> None:
    rng = np.random.default_rng(1)
    levels, rates = [], []
    for _ in range(400):
        found = empirical_threshold(rng.random(150), 0.01)
        assert isinstance(found, EmpiricalThreshold)
        levels.append(found.level)
        rates.append(1 - found.value)
    assert set(levels) == {1 / 151}
    assert np.mean(rates) == pytest.approx(1 / 151, rel=0.2)


def test_halves_are_equal_and_do_not_depend_on_order() -> None:
    names = [f"s{number}" for number in range(101)]
    half = calibration_half(names)
    assert len(half) == 50
    assert half == calibration_half(reversed(names))
