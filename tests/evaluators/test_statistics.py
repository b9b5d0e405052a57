from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, bootstrap, multinomial

from editmill.evaluators import Estimate, mean_of_means, paired_drop, proportion_interval
from editmill.evaluators.statistics import bounded_interval, clustered_mean
from editmill.manifests import RequestError

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
        # R: binom.test(x, n)$conf.int
        (0, 20, 0.0, 0.1684),
        (20, 20, 0.8316, 1.0),
        (3, 19, 0.0338, 0.3958),
        (1, 1, 0.025, 1.0),
    ],
)
def test_shares_have_the_published_intervals(correct: int, n: int, low: float, high: float) -> None:
    assert proportion_interval(correct, n) == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 500), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_the_interval_of_a_share_holds_it_and_mirrors(n: int, share: float, confidence: float) -> None:
    correct = round(share * n)
    low, high = proportion_interval(correct, n, confidence=confidence)
    assert 0 <= low <= correct / n + 1e-12
    assert correct / n - 1e-12 <= high <= 1
    assert proportion_interval(n - correct, n, confidence=confidence) == pytest.approx((1 - high, 1 - low))


@given(n=st.integers(2, 300), correct=st.integers(0, 2))
def test_the_interval_of_a_share_widens_with_confidence_and_narrows_with_n(n: int, correct: int) -> None:
    def width(k: int, trials: int, confidence: float) -> float:
        low, high = proportion_interval(k, trials, confidence=confidence)
        return high - low

    assert width(correct, n, 0.99) > width(correct, n, 0.9)
    assert width(4 * correct, 4 * n, 0.95) < width(correct, n, 0.95)


@pytest.mark.parametrize(
    ("correct", "n", "confidence"), [(5, 4, 0.95), (-1, 4, 0.95), (0, 0, 0.95), (1, 2, 1.0), (1, 2, 0.0)]
)
def test_what_is_no_proportion_has_no_interval(correct: int, n: int, confidence: float) -> None:
    with pytest.raises(RequestError):
        proportion_interval(correct, n, confidence=confidence)


def test_bootstrap_of_right_answers_is_the_binomial_distribution() -> None:
    found = paired_drop(np.ones(40), np.r_[np.zeros(10), np.ones(30)], resamples=40_000)
    low, high = binom.ppf([0.025, 0.975], 40, 0.25) / 40
    assert (found.value, found.n) == (0.25, 40)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1 / 40)


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
        low, high = estimate.drawn
        assert -1 <= low <= estimate.value + 1e-12
        assert estimate.value - 1e-12 <= high <= 1


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


@given(
    n=st.integers(1, 60), value=st.sampled_from([-1.0, -0.5, 0.0, 1 / 3, 1.0]), confidence=st.sampled_from([0.8, 0.95])
)
def test_equal_drops_leave_some_uncertainty(n: int, value: float, confidence: float) -> None:
    found = paired_drop([max(value, 0)] * n, [max(-value, 0)] * n, resamples=10, confidence=confidence)
    low, high = found.drawn
    assert found.value == pytest.approx(value)
    assert -1 <= low <= found.value <= high <= 1
    # As many equal values may well be seen where so many others differ from them.
    assert (value - low) + (high - value) >= 1 - (1 - confidence) ** (1 / n)


@pytest.mark.parametrize("n", [5, 19, 25])
def test_no_lost_and_no_gained_source_has_the_exact_bound_of_each(n: int) -> None:
    found = paired_drop(np.ones(n), np.ones(n), resamples=10)
    end = 1 - (0.05 / 4) ** (1 / n)
    assert (found.low, found.high) == pytest.approx((-end, end))


def test_few_lost_sources_never_narrow_an_interval() -> None:
    def drop(lost: int) -> Estimate:
        return paired_drop(np.ones(500), np.r_[np.zeros(lost), np.ones(500 - lost)], resamples=2000)

    ends = [drop(lost).high or 0 for lost in range(6)]
    assert ends == sorted(ends)
    assert drop(5).low is not None
    assert (drop(5).low or 0) < 0 < (drop(8).low or 0)


@given(n=st.integers(1, 2000), confidence=st.floats(0.5, 0.999))
def test_a_bounded_mean_at_its_bound_has_the_exact_interval_of_a_share(n: int, confidence: float) -> None:
    low, high = proportion_interval(0, n, confidence=confidence)
    assert bounded_interval(0.0, n, confidence=confidence) == pytest.approx((low, high), abs=1e-9)
    mirrored = bounded_interval(3.0, n, bounds=(-1, 3), confidence=confidence)
    assert mirrored == pytest.approx((3 - 4 * high, 3), abs=1e-8)


@given(value=st.floats(0, 1), n=st.integers(1, 500))
def test_a_bounded_interval_holds_the_mean_and_the_exact_interval(value: float, n: int) -> None:
    hits = round(value * n)
    low, high = bounded_interval(hits / n, n)
    exact = binomtest(hits, n).proportion_ci(method="exact")
    assert 0 <= low <= exact.low + 1e-9
    assert exact.high - 1e-9 <= high <= 1


@pytest.mark.parametrize("n", [3, 8, 19])
def test_intervals_of_few_sources_cover_the_truth(n: int) -> None:
    """Every outcome of n sources that are lost with 0.3, gained with 0.1, weighted by its probability."""
    covered = 0.0
    for lost in range(n + 1):
        for gained in range(n + 1 - lost):
            found = paired_drop(
                [1.0] * lost + [0.0] * (n - lost),
                [0.0] * lost + [1.0] * gained + [0.0] * (n - lost - gained),
                resamples=1,
            )
            assert found.low is not None
            assert found.high is not None
            inside = found.low <= 0.2 <= found.high
            covered += inside * multinomial.pmf([lost, gained, n - lost - gained], n, [0.3, 0.1, 0.6])
    assert covered >= 0.95


@pytest.mark.parametrize("n", [4, 12])
def test_the_interval_of_a_small_roc_covers_its_area(n: int) -> None:
    """Scores of unit normals a standard deviation apart have the area 0.7602."""
    rng = np.random.default_rng(n)
    marked, unmarked = rng.normal(1, 1, (400, n)), rng.normal(0, 1, (400, n))
    areas = (marked[:, :, None] > unmarked[:, None]).mean(axis=(1, 2))
    intervals = [bounded_interval(float(area), n) for area in areas]
    assert all(low < high for low, high in intervals)
    assert np.mean([low <= 0.7602 <= high for low, high in intervals]) >= 0.95


def test_values_without_bounds_have_no_interval_where_sources_are_few() -> None:
    rng = np.random.default_rng(0)
    assert mean_of_means(rng.normal(size=(19, 1))).low is None
    assert mean_of_means(rng.normal(size=(20, 1))).low is not None
    assert mean_of_means(np.full((50, 1), 3.0)).high is None
    # Of one column there are too few, however many the other has.
    few = np.full((100, 2), np.nan)
    few[:, 0], few[:5, 1] = rng.random(100), rng.random(5)
    assert mean_of_means(few).low is None
    assert mean_of_means(few, bounds=(0, 1)).drawn[0] < mean_of_means(few[:5, 1:], bounds=(0, 1)).value


@pytest.mark.parametrize(("value", "n", "bounds"), [(1.1, 5, (0, 1)), (0.5, 0, (0, 1)), (0.5, 5, (1, 0))])
def test_what_is_no_bounded_mean_has_no_interval(value: float, n: int, bounds: tuple[float, float]) -> None:
    with pytest.raises(RequestError, match="no mean"):
        bounded_interval(value, n, bounds=bounds)


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
    found = clustered_mean(values, clusters, bounds=(0, 1), resamples=500)
    assert found.value == 0.75
    # The heavier of both clusters holds three of four values.
    assert (found.low, found.high, found.n) == (*bounded_interval(0.75, 4 / 3), 2)
    assert clustered_mean(values[::-1], clusters[::-1], bounds=(0, 1), resamples=500) == found


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
        covered += found.drawn[0] <= 0 <= found.drawn[1]
    assert 0.9 <= covered / 300 <= 0.98
