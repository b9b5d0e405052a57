from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from editmill.evaluators.watermark.binomial import (
    detected,
    log10_p,
    p_values,
    randomised,
    randomised_p_values,
    threshold,
)
from editmill.manifests import RequestError

# Bits, k and true level in percent at 1 % and at 0.1 %.
TABLE = [
    (32, 24, 0.35, 26, 0.027),
    (48, 33, 0.66, 36, 0.036),
    (64, 42, 0.84, 45, 0.078),
    (96, 60, 0.92, 64, 0.071),
    (100, 63, 0.60, 66, 0.089),
    (256, 148, 0.73, 154, 0.069),
]


@pytest.mark.parametrize(("bits", "k1", "level1", "k01", "level01"), TABLE)
def test_thresholds_of_usual_payloads(bits: int, k1: int, level1: float, k01: int, level01: float) -> None:
    one, tenth = threshold(bits, 0.01), threshold(bits, 0.001)
    assert (one.matches, tenth.matches) == (k1, k01)
    assert one.level * 100 == pytest.approx(level1, abs=0.005)
    assert tenth.level * 100 == pytest.approx(level01, abs=0.0005)


@given(bits=st.integers(1, 300), alpha=st.sampled_from([0.01, 0.001, 0.05]))
def test_a_threshold_is_the_smallest_and_the_randomised_test_is_exact(bits: int, alpha: float) -> None:
    test = threshold(bits, alpha)
    assert test.level <= alpha < binom.sf(test.matches - 2, bits, 0.5)
    everything = np.arange(bits + 1, dtype=np.float64)
    power = randomised(everything, np.ones(bits + 1, bool), test) @ binom.pmf(everything, bits, 0.5)
    assert power == pytest.approx(alpha, rel=1e-6)
    assert 0 <= test.share <= 1


@given(st.lists(st.integers(0, 32), min_size=1, max_size=40))
def test_detection_falls_with_the_threshold(matches: list[int]) -> None:
    values, decoded = np.array(matches, np.float64), np.ones(len(matches), bool)
    found = [detected(values, decoded, threshold(32, alpha)).mean() for alpha in (0.1, 0.01, 0.001, 0.0001)]
    assert found == sorted(found, reverse=True)
    exact = randomised(values, decoded, threshold(32, 0.01))
    assert (exact >= detected(values, decoded, threshold(32, 0.01))).all()


def test_what_was_not_decoded_is_a_miss() -> None:
    values, decoded = np.array([32.0, 32.0]), np.array([True, False])
    assert detected(values, decoded, threshold(32, 0.01)).tolist() == [1, 0]
    assert randomised(np.array([23.0, 23.0]), decoded, threshold(32, 0.01)).tolist() == [threshold(32, 0.01).share, 0]


def test_p_values() -> None:
    assert p_values([0, 32, 16], 32).tolist() == [1, 2.0**-32, float(binom.sf(15, 32, 0.5))]
    assert p_values([2.5], 5)[0] == 0.5
    assert log10_p([256], 256)[0] == pytest.approx(-256 * np.log10(2))


def test_randomised_p_values_are_uniform() -> None:
    rng = np.random.default_rng(0)
    values = randomised_p_values(rng.binomial(32, 0.5, 20_000).astype(np.float64), 32, rng)
    assert np.histogram(values, bins=10, range=(0, 1))[0] == pytest.approx(2000, abs=200)


@pytest.mark.parametrize(("bits", "alpha"), [(0, 0.01), (8, 0.0), (8, 1.0)])
def test_impossible_tests_are_refused(bits: int, alpha: float) -> None:
    with pytest.raises(RequestError, match="no threshold"):
        threshold(bits, alpha)
