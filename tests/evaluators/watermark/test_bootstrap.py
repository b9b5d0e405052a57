from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editmill.evaluators.watermark.bootstrap import SourceBootstrap
from editmill.manifests import RequestError

SAMPLER = SourceBootstrap([f"s{number:02d}" for number in range(30)], resamples=60, seed=0)
SIDE = st.lists(st.integers(0, 12), min_size=1, max_size=30)


@settings(max_examples=50)
@given(SIDE, SIDE)
def test_the_area_is_symmetric_and_inside_its_interval(marked: list[int], unmarked: list[int]) -> None:
    first, second = np.array(marked, np.float64), np.array(unmarked, np.float64)
    mine, other = np.arange(len(first)), np.arange(len(second))
    area, swapped = SAMPLER.auroc(first, mine, second, other), SAMPLER.auroc(second, other, first, mine)
    assert area.value + swapped.value == pytest.approx(1)
    assert area.value == pytest.approx(np.mean((first[:, None] > second) + 0.5 * (first[:, None] == second)))
    assert 0 <= area.low <= area.value <= area.high <= 1
    assert area.low + swapped.high == pytest.approx(1)


def test_order_does_not_matter() -> None:
    values = np.random.default_rng(0).random(30)
    order = np.random.default_rng(1).permutation(30)
    first, second = SAMPLER.mean(values, np.arange(30)), SAMPLER.mean(values[order], np.arange(30)[order])
    assert first.low == pytest.approx(second.low)
    assert first.low < first.value < first.high


def test_areas_of_separate_and_of_equal_samples() -> None:
    clusters, zeros = np.arange(30), np.zeros(30)
    assert SAMPLER.auroc(zeros + 1, clusters, zeros, clusters).value == 1
    assert SAMPLER.auroc(zeros, clusters, zeros, clusters).value == 0.5
    assert SAMPLER.auroc(zeros, clusters, zeros - np.inf, clusters).value == 1


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(2)
    sampler = SourceBootstrap([f"s{number:03d}" for number in range(80)], resamples=300, seed=3)
    clusters, covered = np.arange(80), 0
    for _ in range(200):
        area = sampler.auroc(rng.normal(1, 1, 80), clusters, rng.normal(0, 1, 80), clusters)
        covered += area.low <= 0.7602 <= area.high
    assert 0.88 <= covered / 200 <= 0.99


def test_nothing_to_resample_is_refused() -> None:
    with pytest.raises(RequestError):
        SourceBootstrap([], resamples=10, seed=0)
    with pytest.raises(RequestError):
        SourceBootstrap(["a"], resamples=0, seed=0)
    with pytest.raises(RequestError):
        SAMPLER.auroc(np.zeros(0), np.zeros(0, np.int64), np.zeros(1), np.zeros(1, np.int64))
