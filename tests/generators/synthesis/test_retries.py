"""Searches in a simulated world, where a candidate's seed decides whether it is accepted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from editmill.generators.synthesis.adaptation import Parameters
from editmill.generators.synthesis.budget import Meter, Stop
from editmill.generators.synthesis.retries import Search
from editmill.generators.synthesis.settings import BudgetSettings, RetrySettings
from editmill.manifests.seeds import derive_seed

SMALL = st.integers(1, 6)
FREE = BudgetSettings()


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def seeds(source: int) -> Callable[[int], int]:
    return lambda number: derive_seed(7, f"source-{source}", "simulated", 0, number)


def luck(seed: int) -> float:
    return float(np.random.default_rng(seed).random())


def judge(seed: int, rate: float) -> tuple[str, ...]:
    return () if luck(seed) < rate else ("label_clip",)


def finish(search: Search, rate: float, *, micro: int = 4, clock: Clock | None = None) -> Search:
    while (request := search.request(micro)) is not None:
        if clock is not None:
            clock.now += len(request.seeds)
        search.record(request, [judge(seed, rate) for seed in request.seeds], seconds=len(request.seeds))
    return search


def search(
    source: int = 0,
    *,
    candidates: int = 4,
    rounds: int = 4,
    meter: Meter | None = None,
    quota: int = 1,
    whole_rounds: bool = False,
) -> Search:
    settings = RetrySettings(candidates=candidates, rounds=rounds)
    return Search(settings, meter or Meter(FREE), seeds(source), quota=quota, whole_rounds=whole_rounds)


@pytest.mark.parametrize(("rate", "candidates", "rounds"), [(0.22, 4, 4), (0.3, 3, 1), (0.05, 2, 3)])
def test_coverage_is_that_of_independent_candidates(rate: float, candidates: int, rounds: int) -> None:
    met = sum(
        finish(search(source, candidates=candidates, rounds=rounds), rate).stop == Stop.QUOTA_MET
        for source in range(600)
    )
    interval = binomtest(met, 600).proportion_ci(0.999)
    assert interval.low <= 1 - (1 - rate) ** (candidates * rounds) <= interval.high


@given(SMALL, SMALL, SMALL, st.integers(1, 3), st.floats(0, 1), st.integers(0, 99), st.booleans())
def test_a_search_ends_for_the_reason_that_it_gives(
    candidates: int, rounds: int, micro: int, quota: int, rate: float, source: int, whole: bool
) -> None:
    one = finish(
        search(source, candidates=candidates, rounds=rounds, quota=quota, whole_rounds=whole), rate, micro=micro
    )
    assert len(one.tried) <= candidates * rounds
    assert (one.stop == Stop.QUOTA_MET) == (len(one.accepted) >= quota)
    if one.stop == Stop.ROUNDS_EXHAUSTED:
        assert len(one.tried) == candidates * rounds
    assert not whole or len(one.tried) % candidates == 0


@given(SMALL, SMALL, st.floats(0, 0.6), st.integers(0, 99))
def test_the_first_acceptance_does_not_depend_on_the_micro_batch(
    candidates: int, micro: int, rate: float, source: int
) -> None:
    alone, together = (finish(search(source, candidates=candidates), rate, micro=size) for size in (1, micro))
    assert alone.accepted[:1] == together.accepted[:1]
    assert all(together.tried[number] == reasons for number, reasons in alone.tried.items())


@given(st.integers(1, 40), st.integers(1, 40), SMALL, st.floats(0, 0.2))
def test_caps_on_candidates_are_kept_when_searches_run_one_by_one(
    per_source: int, per_run: int, micro: int, rate: float
) -> None:
    meter = Meter(BudgetSettings(source_candidates=per_source, run_candidates=per_run))
    ones = [finish(search(source, meter=meter), rate, micro=micro) for source in range(8)]
    assert meter.candidates == sum(len(one.tried) for one in ones) <= per_run
    assert all(len(one.tried) <= per_source for one in ones)
    for one in ones:
        if one.stop == Stop.SOURCE_BUDGET:
            assert len(one.tried) == per_source
        if one.stop == Stop.RUN_BUDGET:
            assert meter.candidates == per_run


def test_a_meter_goes_on_from_what_was_spent() -> None:
    clock = Clock()
    meter = Meter(BudgetSettings(run_candidates=10, run_seconds=60), candidates=7, seconds=59, clock=clock)
    assert (meter.left(0), meter.reached(0, 0)) == (3, None)
    clock.now += 1
    assert (meter.seconds, meter.reached(0, 0)) == (60, Stop.DEADLINE)


@given(st.integers(1, 40), st.integers(1, 8), SMALL)
def test_a_batch_of_several_searches_exceeds_the_cap_by_at_most_itself(per_run: int, together: int, micro: int) -> None:
    meter = Meter(BudgetSettings(run_candidates=per_run))
    ones = [search(source, meter=meter) for source in range(together)]
    largest = 0
    while requests := [(one, request) for one in ones if (request := one.request(micro)) is not None]:
        largest = max(largest, sum(len(request.seeds) for _, request in requests))
        for one, request in requests:
            one.record(request, [("sanity",)] * len(request.seeds))
    assert meter.candidates <= per_run + largest


@given(st.integers(1, 30), SMALL)
def test_seconds_are_exceeded_by_at_most_one_micro_batch(seconds: int, micro: int) -> None:
    clock = Clock()
    meter = Meter(BudgetSettings(run_seconds=seconds), clock=clock)
    for source in range(4):
        one = finish(search(source, meter=meter), 0.0, micro=micro, clock=clock)
        assert one.stop in (Stop.DEADLINE, Stop.ROUNDS_EXHAUSTED)
    assert clock.now < seconds + micro
    own = finish(search(meter=Meter(BudgetSettings(source_seconds=seconds))), 0.0, micro=micro)
    assert own.seconds < seconds + micro
    assert own.stop == (Stop.SOURCE_BUDGET if seconds < 16 else Stop.ROUNDS_EXHAUSTED) or own.seconds == 16


def test_seeds_are_fresh_and_keep_their_numbers_whatever_k_is() -> None:
    few, many = (finish(search(candidates=count, rounds=3), 0.0) for count in (2, 5))
    assert sorted(few.tried) == [0, 1, 64, 65, 128, 129]
    assert set(few.tried) < set(many.tried)
    assert len({seeds(0)(number) for number in many.tried}) == 15


def test_unrecorded_work_is_asked_for_again() -> None:
    one = search()
    first = one.request(3)
    assert first is not None
    # A fault of the infrastructure came between: nothing was recorded.
    assert one.request(3) == first
    assert (one.round, one.tried, one.meter.candidates) == (0, {}, 0)


def test_rounds_adapt_to_their_reasons() -> None:
    one = search(rounds=3)
    strengths = []
    while (request := one.request(4)) is not None:
        strengths.append(request.parameters.strength)
        one.record(request, [("label_clip",)] * 4)
    assert strengths == [0.6, 0.5, 0.4]
    assert one.parameters == Parameters(0.3, template=3)


def test_an_ineligible_source_costs_nothing() -> None:
    meter = Meter(FREE)
    one = Search(RetrySettings(), meter, seeds(0), eligible=False)
    assert one.request(4) is None
    assert (one.stop, one.accepted, one.tried, meter.candidates) == (Stop.SOURCE_INELIGIBLE, [], {}, 0)


def test_too_many_candidates_are_an_error() -> None:
    with pytest.raises(ValueError, match="between 1 and 64, not 65"):
        Search(RetrySettings(), Meter(FREE), seeds(0), candidates=65)


def test_the_stop_codes_are_the_specification_s() -> None:
    assert sorted(Stop) == [
        "deadline",
        "quota_met",
        "rounds_exhausted",
        "run_budget",
        "source_budget",
        "source_ineligible",
    ]
