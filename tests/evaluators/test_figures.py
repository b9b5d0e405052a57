from __future__ import annotations

import pytest

from editmill.evaluators.figures import p_text, percent, points


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+25.0"), (-0.25, "-25.0"), (0.0, "0.0"), (0.0004, "0.0"), (-0.0004, "0.0"), (0.0006, "+0.1")],
)
def test_points_carry_a_sign_unless_they_round_to_zero(value: float, text: str) -> None:
    assert points(value) == text


def test_small_numbers_are_written_plainly() -> None:
    assert (p_text(None), p_text(0.0004), p_text(0.0316), p_text(1.0)) == ("-", "<0.001", "0.032", "1.000")
    assert percent(2 / 3) == "66.7"
    assert (percent(None), percent(1.0)) == ("-", "100.0")
