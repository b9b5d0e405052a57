"""The ratio of accuracies and its interval."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.evaluators.fmr.ratio import percent_ratio
from editmill.manifests import RequestError


def test_the_ratio_of_equal_conditions_has_no_width() -> None:
    right = np.array([1, 1, 0, 1.0])
    found = percent_ratio(right, right, resamples=100)
    assert found is not None
    assert (found.value, found.low, found.high, found.n) == (100, 100, 100, 4)


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
    assert found.low < 60 < found.high
    # About 2 * 1.96 * sqrt(0.6 * 0.4 / 180).
    assert found.high - found.low == pytest.approx(14.3, abs=2.5)


def test_without_a_right_original_there_is_no_ratio() -> None:
    assert percent_ratio([0.0, 0.0], [1.0, 1.0]) is None
    assert percent_ratio([], []) is None
    with pytest.raises(RequestError, match="pairs"):
        percent_ratio([1.0], [1.0, 0.0])
