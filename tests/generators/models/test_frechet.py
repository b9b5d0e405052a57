from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.models.frechet import frechet_distance


def test_equal_sets_are_at_distance_zero() -> None:
    features = np.random.default_rng(0).normal(size=(50, 6))
    assert frechet_distance(features, features[::-1]) == pytest.approx(0, abs=1e-9)


def test_independent_features_by_hand() -> None:
    """With diagonal covariances the distance is the sum of squared differences of means and of standard deviations."""
    rng = np.random.default_rng(1)
    base, _ = np.linalg.qr(rng.normal(size=(200, 4)) - rng.normal(size=4))
    base -= base.mean(axis=0)
    base, _ = np.linalg.qr(base)
    base *= np.sqrt(199)
    first, second = base * [1, 2, 3, 0.5] + [0, 1, 0, 0], base * [2, 2, 1, 0.25] + [3, 1, 0, -1]
    assert frechet_distance(first, second) == pytest.approx(9 + 1 + 1 + 4 + 0.0625, rel=1e-6)


def test_fewer_pictures_than_features_stay_finite_and_symmetric() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(10, 32)).astype(np.float32), rng.normal(size=(12, 32)).astype(np.float32)
    distance = frechet_distance(first, second)
    assert distance > 0
    assert frechet_distance(second, first) == pytest.approx(distance, rel=1e-6)
