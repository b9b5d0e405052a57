"""Exact bounds of error rates, also of pictures that are alike."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from editmill.generators.guards.ensemble.rates import Tally, effective_trials, interval, upper_bound


@pytest.mark.parametrize(("errors", "trials"), [(0, 10), (1, 500), (7, 30), (30, 30)])
def test_bounds_are_those_of_clopper_and_pearson(errors: int, trials: int) -> None:
    exact = binomtest(errors, trials).proportion_ci(0.95, "exact")
    assert interval(errors, trials) == pytest.approx((exact.low, exact.high))
    assert upper_bound(errors, trials) == pytest.approx(
        binomtest(errors, trials, alternative="less").proportion_ci(0.95, "exact").high
    )


def test_nothing_is_known_without_trials() -> None:
    assert (upper_bound(0, 0), interval(0, 0)) == (1.0, (0.0, 1.0))


def test_zero_of_a_hundred_and_fifty_is_below_two_percent() -> None:
    assert upper_bound(0, 149) == pytest.approx(1 - 0.05 ** (1 / 149))
    assert upper_bound(0, 149) < 0.02 < upper_bound(0, 147)


def tally(*errors_of_three: int) -> Tally:
    found = Tally.empty()
    for source, wrong in enumerate(errors_of_three):
        for picture in range(3):
            found.add(str(source), picture < wrong)
    return found


def test_pictures_of_one_source_that_err_together_tell_as_much_as_one() -> None:
    together, spread = tally(*[3] * 4, *[0] * 36), tally(*[1] * 12, *[0] * 28)
    assert effective_trials(together.errors, together.pictures) == pytest.approx(40)
    assert effective_trials(spread.errors, spread.pictures) == 120
    assert together.rate("m", "overall").rate == spread.rate("m", "overall").rate == 0.1
    assert together.rate("m", "overall").upper > spread.rate("m", "overall").upper


def test_without_any_error_sources_are_counted() -> None:
    rate = tally(*[0] * 40).rate("m", "overall")
    assert (rate.pictures, rate.sources, rate.errors) == (120, 40, 0)
    assert rate.upper == pytest.approx(upper_bound(0, 40))


def test_an_empty_tally_knows_nothing() -> None:
    rate = Tally.empty().rate("m", "kind")
    assert (rate.pictures, rate.rate, rate.low, rate.high, rate.upper) == (0, 0, 0, 1, 1)
