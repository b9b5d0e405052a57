from __future__ import annotations

import pytest

from editmill.evaluators.figures import counted, p_text, percent_text, points_text
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.tables import Column, decimal, percent, points


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+25.0"), (-0.25, "-25.0"), (0.0, "0.0"), (0.0004, "0.0"), (-0.0004, "0.0"), (0.0006, "+0.1")],
)
def test_points_carry_a_sign_unless_they_round_to_zero(value: float, text: str) -> None:
    assert points_text(value) == text
    assert points("drop").texts(value) == [text]


def test_one_thing_is_no_plural() -> None:
    assert [counted(number, "source") for number in (0, 1, 2)] == ["0 sources", "1 source", "2 sources"]


def test_small_numbers_are_written_plainly() -> None:
    assert (p_text(None), p_text(0.0004), p_text(0.0316), p_text(1.0)) == ("-", "<0.001", "0.032", "1.000")
    assert percent_text(2 / 3) == "66.7"
    assert (percent_text(None), percent_text(1.0)) == ("-", "100.0")


def test_an_interval_that_few_sources_do_not_have_is_not_a_narrow_one() -> None:
    known, few = Estimate(0.25, 0.125, 0.5, 30), Estimate(0.25, None, None, 3)

    def texts(column: Column) -> list[list[str]]:
        return [column.texts(known), column.texts(few)]

    assert texts(percent("", interval="95 %")) == [["25.0", "[12.5, 50.0]"], ["25.0", "n too small"]]
    assert texts(points("", interval="95 %")) == [["+25.0", "[+12.5, +50.0]"], ["+25.0", "n too small"]]
    assert texts(decimal("", 2, interval="95 %")) == [["0.25", "[0.12, 0.50]"], ["0.25", "n too small"]]
    assert texts(decimal("", 2)) == [["0.25"], ["0.25"]]
