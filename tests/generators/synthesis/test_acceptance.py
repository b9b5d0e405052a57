from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.synthesis.acceptance import CellCounts, adapted_candidates, candidates_needed, lower_rate
from editmill.generators.synthesis.settings import RetrySettings


@pytest.mark.parametrize(
    ("rate", "count"), [(0.93, 2), (0.73, 3), (0.48, 5), (0.30, 9), (0.22, 13), (1.0, 1), (0.0, None)]
)
def test_candidates_for_one_acceptance_at_95_percent(rate: float, count: int | None) -> None:
    assert candidates_needed(rate, 0.95) == count


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_number_is_the_least_that_is_enough(rate: float, coverage: float) -> None:
    needed = candidates_needed(rate, coverage)
    assert needed is not None
    assert 1 - (1 - rate) ** needed >= coverage - 1e-9
    assert needed == 1 or 1 - (1 - rate) ** (needed - 1) < coverage + 1e-9


@given(st.floats(0.05, 0.95), st.integers(0, 30))
def test_the_lower_bound_lies_below_the_rate(rate: float, seed: int) -> None:
    accepted = int(np.random.default_rng(seed).binomial(100, rate))
    bound = lower_rate(accepted, 100, 0.95)
    assert 0 <= bound <= accepted / 100


def test_the_lower_bound_covers_the_truth() -> None:
    draws = np.random.default_rng(1).binomial(80, 0.3, size=1000)
    assert np.mean([lower_rate(int(accepted), 80, 0.95) <= 0.3 for accepted in draws]) >= 0.94


def test_k_follows_the_cell_after_its_first_sources() -> None:
    settings = RetrySettings()
    counts = CellCounts()
    for _ in range(49):
        counts = counts.plus(candidates=4, accepted=3)
    assert adapted_candidates(settings, counts) == 4
    counts = counts.plus(candidates=4, accepted=3)
    assert adapted_candidates(settings, counts) == 3
    assert adapted_candidates(settings, CellCounts(50, 200, 1)) == 16
    assert adapted_candidates(settings, CellCounts(50, 200, 0)) == 16
    assert adapted_candidates(RetrySettings(adapt_after=0), counts) == 4
