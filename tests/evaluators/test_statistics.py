from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from editmill.evaluators import holm, mcnemar_exact, mean_of_means, paired_drop, wilson_interval
from editmill.evaluators.statistics import clustered_mean
from editmill.manifests import RequestError

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(correct: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 500), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_wilson_holds_the_estimate_and_mirrors(n: int, share: float, confidence: float) -> None:
    correct = round(share * n)
    low, high = wilson_interval(correct, n, confidence=confidence)
    assert 0 <= low <= correct / n + 1e-12
    assert correct / n - 1e-12 <= high <= 1
    assert wilson_interval(n - correct, n, confidence=confidence) == pytest.approx((1 - high, 1 - low))


@given(n=st.integers(2, 300), correct=st.integers(0, 2))
def test_wilson_widens_with_confidence_and_narrows_with_n(n: int, correct: int) -> None:
    def width(k: int, trials: int, confidence: float) -> float:
        low, high = wilson_interval(k, trials, confidence=confidence)
        return high - low

    assert width(correct, n, 0.99) > width(correct, n, 0.9)
    assert width(4 * correct, 4 * n, 0.95) < width(correct, n, 0.95)


@pytest.mark.parametrize(
    ("correct", "n", "confidence"), [(5, 4, 0.95), (-1, 4, 0.95), (0, 0, 0.95), (1, 2, 1.0), (1, 2, 0.0)]
)
def test_wilson_refuses_what_is_no_proportion(correct: int, n: int, confidence: float) -> None:
    with pytest.raises(RequestError):
        wilson_interval(correct, n, confidence=confidence)


@pytest.mark.parametrize("lost", range(9))
@pytest.mark.parametrize("gained", range(9))
def test_mcnemar_equals_the_sum_over_all_coin_tosses(lost: int, gained: int) -> None:
    n = lost + gained
    tail = sum(comb(n, k) for k in range(min(lost, gained) + 1)) / 2**n
    assert mcnemar_exact(lost, gained) == pytest.approx(min(1.0, 2 * tail))


@pytest.mark.parametrize(("lost", "gained"), [(30, 12), (200, 160), (1500, 1502)])
def test_mcnemar_stays_exact_for_many_pairs(lost: int, gained: int) -> None:
    n = lost + gained
    tail = Fraction(sum(comb(n, k) for k in range(min(lost, gained) + 1)), 2**n)
    assert mcnemar_exact(lost, gained) == pytest.approx(float(min(Fraction(1), 2 * tail)))


def test_mcnemar_without_a_differing_pair_finds_nothing() -> None:
    assert mcnemar_exact(0, 0) == 1.0


@given(lost=st.integers(0, 200), gained=st.integers(0, 200))
def test_mcnemar_is_symmetric(lost: int, gained: int) -> None:
    p = mcnemar_exact(lost, gained)
    assert 0 <= p <= 1
    assert p == pytest.approx(mcnemar_exact(gained, lost))


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(RequestError, match="not negative"):
        mcnemar_exact(-1, 2)


def test_holm_gives_the_textbook_adjustment() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.5, 0.9]) == [1.0, 1.0]


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12), shuffle=st.randoms(use_true_random=False))
def test_holm_lies_between_the_raw_values_and_bonferroni(p_values: list[float], shuffle: object) -> None:
    adjusted = holm(p_values)
    for raw, value in zip(p_values, adjusted, strict=True):
        assert raw <= value <= min(1.0, raw * len(p_values)) + 1e-12
    ranked = [adjusted[index] for index in np.argsort(p_values, kind="stable")]
    assert ranked == sorted(ranked)
    order = list(range(len(p_values)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert holm([p_values[index] for index in order]) == pytest.approx([adjusted[index] for index in order])


def test_holm_refuses_what_is_no_probability() -> None:
    with pytest.raises(RequestError, match="p-values"):
        holm([0.2, 1.5])


def test_bootstrap_agrees_with_all_resamples_of_four_sources() -> None:
    values = np.array([0.0, 0.5, 1.0, -1.0])
    means = [np.mean(draw) for draw in itertools.product(values, repeat=4)]
    low, high = np.quantile(means, [0.025, 0.975])
    found = paired_drop(np.maximum(values, 0), np.maximum(-values, 0), resamples=40_000)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.13)
    assert found.n == 4


def test_bootstrap_agrees_with_scipy() -> None:
    rng = np.random.default_rng(5)
    before = (rng.random(80) < 0.9).astype(float)
    after = rng.integers(0, 3, 80) / 2
    found = paired_drop(before, after, resamples=20_000)
    theirs = bootstrap((before - after,), np.mean, n_resamples=20_000, method="percentile", rng=rng).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_replicas_of_a_source_are_one_observation() -> None:
    after = np.r_[np.zeros(10), np.ones(30)]
    clustered = paired_drop(np.ones(40), after)
    naive = paired_drop(np.ones(160), np.repeat(after, 4))
    assert clustered.value == naive.value
    assert clustered.high - clustered.low > 1.8 * (naive.high - naive.low)


def test_bootstrap_width_agrees_with_the_standard_error() -> None:
    before = np.ones(400)
    after = np.r_[np.zeros(80), np.ones(320)]
    found = paired_drop(before, after)
    standard_error = np.sqrt(0.2 * 0.8 / 400)
    assert found.value == pytest.approx(0.2)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * standard_error, rel=0.06)


@given(pairs=outcomes)
def test_drop_is_antisymmetric_and_its_interval_holds_it(pairs: list[tuple[bool, bool]]) -> None:
    before, after = np.array(pairs, dtype=float).T
    forth, back = paired_drop(before, after, resamples=400), paired_drop(after, before, resamples=400)
    assert forth.value == pytest.approx(-back.value)
    assert forth.value == pytest.approx(before.mean() - after.mean())
    for estimate in (forth, back):
        assert -1 <= estimate.low <= estimate.value + 1e-12
        assert estimate.value - 1e-12 <= estimate.high <= 1


@given(pairs=outcomes, shuffle=st.randoms(use_true_random=False))
def test_drop_does_not_depend_on_the_order_of_sources(pairs: list[tuple[bool, bool]], shuffle: object) -> None:
    first = paired_drop(*np.array(pairs, dtype=float).T, resamples=100)
    shuffle.shuffle(pairs)  # type: ignore[attr-defined]
    assert paired_drop(*np.array(pairs, dtype=float).T, resamples=100) == first


def test_drop_depends_on_nothing_but_its_seed() -> None:
    before, after = np.ones(30), np.r_[np.zeros(10), np.ones(20)]
    assert paired_drop(before, after, seed=3) == paired_drop(before, after, seed=3)
    wide, narrow = paired_drop(before, after, confidence=0.99), paired_drop(before, after, confidence=0.8)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_equal_drops_leave_no_uncertainty() -> None:
    found = paired_drop([1.0, 1.0, 1.0], [2 / 3, 2 / 3, 2 / 3])
    assert found.low == pytest.approx(1 / 3)
    assert found.high == pytest.approx(1 / 3)


def test_mean_of_means_weighs_columns_equally_and_counts_sources_with_a_value() -> None:
    table = np.array([[1.0, 0.0], [1.0, np.nan], [0.0, np.nan], [np.nan, np.nan]])
    found = mean_of_means(table)
    assert found.value == pytest.approx((2 / 3 + 0) / 2)
    assert found.n == 3


def test_mean_of_means_keeps_the_correlation_of_columns_that_share_sources() -> None:
    rng = np.random.default_rng(0)
    column = (rng.random(200) < 0.3).astype(float)
    shared = mean_of_means(np.stack([column, column], axis=1))
    apart = mean_of_means(np.stack([column, rng.permutation(column)], axis=1))
    assert shared.high - shared.low == pytest.approx((apart.high - apart.low) * np.sqrt(2), rel=0.15)


@pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], [1.0, 0.0]), ([[1.0]], [[1.0]])])
def test_drop_refuses_what_cannot_be_paired(before: list[float], after: list[float]) -> None:
    with pytest.raises(RequestError):
        paired_drop(before, after)


def test_mean_of_means_refuses_an_empty_column_and_no_resamples() -> None:
    with pytest.raises(RequestError, match="every column"):
        mean_of_means([[1.0, float("nan")]])
    with pytest.raises(RequestError, match="resample"):
        mean_of_means([[1.0]], resamples=0)


def test_a_clustered_mean_counts_values_and_resamples_clusters() -> None:
    values, clusters = np.array([1.0, 1.0, 1.0, 0.0]), np.array(["a", "a", "a", "b"])
    found = clustered_mean(values, clusters, resamples=500)
    assert found.value == 0.75
    assert (found.low, found.high, found.n) == (0.0, 1.0, 2)
    assert clustered_mean(values[::-1], clusters[::-1], resamples=500) == found


def test_a_clustered_mean_of_single_values_is_the_plain_one() -> None:
    values = np.random.default_rng(0).random(50)
    assert clustered_mean(values, np.arange(50)) == mean_of_means(values[:, None])
    with pytest.raises(RequestError, match="at least one value"):
        clustered_mean([], [])


def test_intervals_of_clusters_cover_the_truth() -> None:
    """Five captions of an image are hard or easy together.

    Intervals over captions would cover the truth far less often.
    """
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        found = clustered_mean(
            np.repeat(rng.normal(0, 1, 80), 5) + rng.normal(0, 0.2, 400), np.repeat(np.arange(80), 5), resamples=300
        )
        covered += found.low <= 0 <= found.high
    assert 0.9 <= covered / 300 <= 0.98
