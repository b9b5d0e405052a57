from __future__ import annotations

import pytest

from editmill.evaluators.layout import align, p_text, percent, points, share_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+25.0"), (-0.25, "-25.0"), (0.0, "0.0"), (0.0004, "0.0"), (-0.0004, "0.0"), (0.0006, "+0.1")],
)
def test_points_carry_a_sign_unless_they_round_to_zero(value: float, text: str) -> None:
    assert points(value) == text


def test_small_numbers_are_written_plainly() -> None:
    assert (p_text(None), p_text(0.0004), p_text(0.0316), p_text(1.0)) == ("-", "<0.001", "0.032", "1.000")
    assert percent(2 / 3) == "66.7"
    assert (share_text(None), share_text(1.0)) == ("-", "100.0")


def test_rows_are_aligned_and_a_long_title_widens_its_block() -> None:
    lines = align([["edit", "n", "x", "x"], ["full", "8", "1.0", "10.0"]], shared=2, titles=["one", "a longer title"])
    assert lines == [
        "        | one | a longer title",
        "edit  n |   x |              x",
        "--------+-----+---------------",
        "full  8 | 1.0 |           10.0",
    ]
