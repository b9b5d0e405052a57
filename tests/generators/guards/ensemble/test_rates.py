"""Exact bounds of error rates, also of pictures that are alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from editmill.generators.guards.ensemble.rates import Tally, effective_trials, interval, upper_bound
from editmill.manifests.guard_report import ErrorRate


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


def test_the_effective_number_follows_from_pictures_and_not_from_errors() -> None:
    together, spread = tally(*[3] * 4, *[0] * 36), tally(*[1] * 12, *[0] * 28)
    first, second = together.rate("m", "overall"), spread.rate("m", "overall")
    assert (first.errors, first.rate, first.effective) == (12, 0.1, 40)
    assert first == second
    # Ten sources with five pictures and two with one: 52^2 / 252.
    assert effective_trials({**{str(number): 5 for number in range(10)}, "a": 1, "b": 1}) == pytest.approx(52**2 / 252)
    assert effective_trials({}) == 0


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=40), st.data())
def test_one_more_error_never_gives_a_lower_bound(sources: list[tuple[int, int]], data: st.DataObject) -> None:
    pictures = {str(number): count for number, (count, _) in enumerate(sources)}
    errors = {str(number): min(count, wrong) for number, (count, wrong) in enumerate(sources)}
    before = Tally(errors, pictures).rate("m", "overall")
    assert before.low <= before.rate <= before.upper <= before.high
    room = [name for name in pictures if errors[name] < pictures[name]]
    if room:
        worse = data.draw(st.sampled_from(room))
        after = Tally({**errors, worse: errors[worse] + 1}, pictures).rate("m", "overall")
        assert (before.low <= after.low, before.high <= after.high) == (True, True)
        assert before.upper < after.upper or before.upper == 1


def test_a_perfect_guard_keeps_every_limit_that_a_worse_one_keeps() -> None:
    # 508 pictures of 152 sources.
    sizes = [5] * 26 + [3] * 126
    perfect, worse = tally_of(sizes, []), tally_of(sizes, [0])
    assert (perfect.pictures, perfect.errors, worse.errors) == (508, 0, 1)
    assert perfect.upper < worse.upper
    assert perfect.upper == pytest.approx(1 - 0.05 ** (1 / perfect.effective))


def tally_of(sizes: list[int], wrong: list[int]) -> ErrorRate:
    found = Tally.empty()
    for source, size in enumerate(sizes):
        for picture in range(size):
            found.add(str(source), source in wrong and picture == 0)
    return found.rate("m", "overall")


def test_without_any_error_sources_are_counted() -> None:
    rate = tally(*[0] * 40).rate("m", "overall")
    assert (rate.pictures, rate.sources, rate.errors) == (120, 40, 0)
    assert rate.upper == pytest.approx(upper_bound(0, 40))


def test_an_empty_tally_knows_nothing() -> None:
    rate = Tally.empty().rate("m", "kind")
    assert (rate.pictures, rate.effective, rate.rate, rate.low, rate.high, rate.upper) == (0, 0, 0, 0, 1, 1)
