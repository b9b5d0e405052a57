"""Progress of a run: samples of all tasks, their rate and the time left."""

from __future__ import annotations

import re

import pytest

from editmill.flows.reports import Meter, Report, span


def test_a_meter_counts_all_tasks_and_rates_this_run_alone() -> None:
    meter = Meter(100, "samples")
    assert str(meter) == "0 of 100 samples"
    meter.hear(Report(0, 40, accepted=30, earlier=40))
    assert str(meter) == "40 of 100 samples, 75% accepted", "nothing is known of the speed yet"
    meter.hear(Report(1, 10, accepted=10))
    assert meter.share == 50
    assert re.fullmatch(r"50 of 100 samples, 80% accepted, [\d.]+ a minute, .* left", str(meter))
    # The worker died, and another one goes on after 5 of the 10 samples.
    meter.hear(Report(1, 5, accepted=5, earlier=5))
    assert str(meter).startswith("45 of 100 samples")
    assert "a minute" in str(meter)
    meter.hear(Report(0, 90))
    meter.hear(Report(1, 10))
    assert "left" not in str(meter)


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 s"), (720, "12 min"), (12000, "3 h 20 min")])
def test_times_are_short(seconds: float, words: str) -> None:
    assert span(seconds) == words
