from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.xmai2023.scoring import scaled, total_scores

PAPER = (1.0, 5.0, 5.0)
TERMS = st.lists(st.floats(-1, 1), min_size=3, max_size=3)


def test_three_candidates_by_hand() -> None:
    # A: .5 .3 .1 becomes 1, 1/2, 0; B: .4 .1 .7 becomes 1/2, 0, 1; C: .70 .80 .75 becomes 0, 1, 1/2; over 11.
    scores = total_scores([0.5, 0.3, 0.1], [0.4, 0.1, 0.7], [0.70, 0.80, 0.75], PAPER, kept=3)
    assert scores.tolist() == pytest.approx([3.5 / 11, 5.5 / 11, 7.5 / 11], abs=1e-6)


def test_equal_terms_count_fully_and_zeros_nothing() -> None:
    # A: 1 each, since the minimum is taken to be 0; B: nothing is known of the object, 0 each; C: 1 each.
    scores = total_scores([0.2, 0.2, 0.2], [0.0, 0.0, 0.0], [0.6, 0.6, 0.6], PAPER, kept=3)
    assert scores.tolist() == pytest.approx([6 / 11] * 3, abs=1e-6)


def test_missing_candidates_scale_the_first_term_only() -> None:
    # Two of three: A as if the third had 0: 1, 1/3; B: 1, 0; C: 0, 1.
    scores = total_scores([0.3, 0.1], [0.9, 0.5], [0.1, 0.2], PAPER, kept=3)
    assert scores.tolist() == pytest.approx([6 / 11, (1 / 3 + 5) / 11], abs=1e-6)
    assert total_scores([0.3, 0.1], [0.9, 0.5], [0.1, 0.2], PAPER, kept=2).tolist() == pytest.approx(
        [6 / 11, 5 / 11], abs=1e-6
    )


def test_a_single_candidate_stays_finite() -> None:
    # A: 1, B: all alike and negative, -1, C: 1.
    assert total_scores([0.3], [-0.2], [0.6], PAPER, kept=3).tolist() == pytest.approx([1 / 11], abs=1e-6)


def test_small_and_negative_weights() -> None:
    # Weights of a sum below 1 are not blown up: C counts against a word.
    assert total_scores([0.4, 0.2], [0, 0], [0.5, 0.7], (0.25, 0.0, -0.5), kept=2).tolist() == pytest.approx(
        [0.25, -0.5], abs=1e-6
    )


@given(TERMS, TERMS, TERMS)
def test_scores_lie_between_minus_one_and_one(fluency: list[float], attribute: list[float], image: list[float]) -> None:
    scores = total_scores([abs(value) for value in fluency], attribute, image, PAPER, kept=3)
    assert scores.shape == (3,)
    assert (abs(scores) <= 1 + 1e-9).all()


def test_nothing_is_divided_by_zero() -> None:
    assert scaled([0.0, 0.0]).tolist() == [0.0, 0.0]
    assert scaled([0.25]).tolist() == [1.0]
