from __future__ import annotations

import pytest

from editmill.evaluators.figures import counted, decimal_cells, drop_cells, p_text, percent, points, rate_cells
from editmill.evaluators.statistics import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+25.0"), (-0.25, "-25.0"), (0.0, "0.0"), (0.0004, "0.0"), (-0.0004, "0.0"), (0.0006, "+0.1")],
)
def test_points_carry_a_sign_unless_they_round_to_zero(value: float, text: str) -> None:
    assert points(value) == text


def test_one_thing_is_no_plural() -> None:
    assert [counted(number, "source") for number in (0, 1, 2)] == ["0 sources", "1 source", "2 sources"]


def test_small_numbers_are_written_plainly() -> None:
    assert (p_text(None), p_text(0.0004), p_text(0.0316), p_text(1.0)) == ("-", "<0.001", "0.032", "1.000")
    assert percent(2 / 3) == "66.7"
    assert (percent(None), percent(1.0)) == ("-", "100.0")


def test_an_interval_that_few_sources_do_not_have_is_not_a_narrow_one() -> None:
    known, few = Estimate(0.25, 0.125, 0.5, 30), Estimate(0.25, None, None, 3)
    assert (*rate_cells(known), *drop_cells(known)) == ("25.0", "[12.5, 50.0]", "+25.0", "[+12.5, +50.0]")
    assert (*rate_cells(few), *drop_cells(few)) == ("25.0", "n too small", "+25.0", "n too small")
    assert (decimal_cells(known, 2), decimal_cells(few)) == (["0.25", "[0.12, 0.50]"], ["0.250", "n too small"])
