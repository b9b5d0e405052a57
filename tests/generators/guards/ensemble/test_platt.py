"""Probabilities from scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from editmill.generators.guards.ensemble.platt import fit_curve


def test_the_curve_of_two_normal_distributions_is_found() -> None:
    rng = np.random.default_rng(0)
    # Of N(1, 1) against N(-1, 1) at equal shares, the log odds are exactly 2 x.
    curve = fit_curve("g", list(rng.normal(1, 1, 20_000)), list(rng.normal(-1, 1, 5_000)))
    assert curve.slope == pytest.approx(2, abs=0.1)
    assert curve.intercept == pytest.approx(0, abs=0.1)


def test_separable_scores_give_a_finite_slope() -> None:
    curve = fit_curve("g", [5.0, 6.0, 7.0], [-5.0, -6.0])
    assert 0 < curve.slope < 1e3
    assert math.isfinite(curve.intercept)


@pytest.mark.parametrize("right", [[2.0, 2.0], []])
def test_scores_that_tell_nothing_give_even_odds(right: list[float]) -> None:
    curve = fit_curve("g", right, [2.0])
    assert (curve.slope, curve.intercept) == (0, 0)


def test_a_guard_that_is_turned_around_has_no_negative_slope() -> None:
    assert fit_curve("g", [-1.0, -2.0, -3.0], [1.0, 2.0, 3.0]).slope == pytest.approx(0, abs=1e-3)
