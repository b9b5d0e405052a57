"""Split conformal thresholds: ranks, shrinkage, and the promise that they make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.guards.ensemble.conformal import CleanScore, kth_smallest, lowest_scores, rank_of, thresholds
from editmill.manifests.guard_report import POOLED, GateThreshold


@pytest.mark.parametrize(
    ("count", "alpha", "rank"),
    [(18, 0.05, 0), (19, 0.05, 1), (39, 0.05, 2), (59, 0.05, 3), (100, 0.01, 1), (98, 0.01, 0)],
)
def test_ranks(count: int, alpha: float, rank: int) -> None:
    assert rank_of(count, alpha) == rank


def test_kth_smallest() -> None:
    assert kth_smallest([5.0, 1.0, 3.0, 2.0], 0.4) == 2.0
    assert kth_smallest([5.0, 1.0, 3.0], 0.05) is None


@given(st.integers(1, 200), st.floats(0.001, 0.5))
def test_no_more_than_alpha_of_the_clean_scores_lie_below(count: int, alpha: float) -> None:
    scores = [float(value) for value in np.random.default_rng(count).normal(size=count)]
    threshold = kth_smallest(scores, alpha)
    if threshold is not None:
        assert sum(score < threshold for score in scores) <= alpha * (count + 1)


def test_new_clean_pictures_are_rejected_at_most_at_the_rate_asked_for() -> None:
    rng, alpha, rejected = np.random.default_rng(0), 0.1, 0
    for _ in range(4000):
        scores = rng.exponential(size=30)
        threshold = kth_smallest(list(scores[:-1]), alpha)
        assert threshold is not None
        rejected += scores[-1] < threshold
    # k / (n + 1) = 3 / 30: the rate is met exactly but for sampling, of which three standard errors are allowed.
    assert rejected / 4000 == pytest.approx(alpha, abs=3 * (alpha * (1 - alpha) / 4000) ** 0.5)


def scores_of(name: str, count: int, first: float) -> list[CleanScore]:
    return [CleanScore(f"{name}{number}", name, first + number) for number in range(count)]


def of_class(found: tuple[GateThreshold, ...], name: str) -> GateThreshold:
    return next(one for one in found if one.class_name == name)


def test_origins() -> None:
    clean = [*scores_of("many", 60, 100.0), *scores_of("some", 25, 0.0), *scores_of("few", 3, 50.0)]
    found = thresholds("gate", clean, alpha=0.05, least_sources=50)
    pooled = of_class(found, POOLED)
    assert (pooled.rank, pooled.threshold, pooled.origin) == (4, 3.0, "pooled")
    many, some, few = (of_class(found, name) for name in ("many", "some", "few"))
    assert (many.rank, many.threshold, many.origin) == (3, 102.0, "own")
    assert (some.own, some.threshold, some.origin) == (0.0, 0.5 * 0.0 + 0.5 * 3.0, "shrunk")
    assert (few.rank, few.own, few.threshold, few.origin) == (0, None, 3.0, "pooled")


def test_too_few_sources_give_none() -> None:
    assert {
        (one.threshold, one.origin) for one in thresholds("gate", scores_of("a", 5, 0.0), alpha=0.05, least_sources=50)
    } == {(None, "none")}


def test_the_lowest_picture_of_a_source_counts() -> None:
    pictures = [
        ("s", "ball", {"m": 3.0}),
        ("s", "ball", {"m": 1.0}),
        ("t", "cube", {"m": 2.0}),
        ("t", "cube", {"other": 0.0}),
    ]
    assert lowest_scores(pictures, "m") == [CleanScore("s", "ball", 1.0), CleanScore("t", "cube", 2.0)]
