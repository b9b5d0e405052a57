from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.evaluators.significance import holm, mcnemar_exact, sign_flip
from editmill.manifests import RequestError


@pytest.mark.parametrize("lost", range(9))
@pytest.mark.parametrize("gained", range(9))
def test_mcnemar_equals_the_sum_over_all_coin_tosses(lost: int, gained: int) -> None:
    n = lost + gained
    tail = sum(comb(n, k) for k in range(min(lost, gained) + 1)) / 2**n
    assert mcnemar_exact(lost, gained) == pytest.approx(min(1.0, 2 * tail))


@pytest.mark.parametrize(("lost", "gained"), [(30, 12), (200, 160), (1500, 1502)])
def test_mcnemar_stays_exact_for_many_pairs(lost: int, gained: int) -> None:
    n = lost + gained
    tail = Fraction(sum(comb(n, k) for k in range(min(lost, gained) + 1)), 2**n)
    assert mcnemar_exact(lost, gained) == pytest.approx(float(min(Fraction(1), 2 * tail)))


def test_mcnemar_without_a_differing_pair_finds_nothing() -> None:
    assert mcnemar_exact(0, 0) == 1.0


@given(lost=st.integers(0, 200), gained=st.integers(0, 200))
def test_mcnemar_is_symmetric(lost: int, gained: int) -> None:
    p = mcnemar_exact(lost, gained)
    assert 0 <= p <= 1
    assert p == pytest.approx(mcnemar_exact(gained, lost))


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(RequestError, match="not negative"):
        mcnemar_exact(-1, 2)


def test_holm_gives_the_textbook_adjustment() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.5, 0.9]) == [1.0, 1.0]


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12), shuffle=st.randoms(use_true_random=False))
def test_holm_lies_between_the_raw_values_and_bonferroni(p_values: list[float], shuffle: object) -> None:
    adjusted = holm(p_values)
    for raw, value in zip(p_values, adjusted, strict=True):
        assert raw <= value <= min(1.0, raw * len(p_values)) + 1e-12
    ranked = [adjusted[index] for index in np.argsort(p_values, kind="stable")]
    assert ranked == sorted(ranked)
    order = list(range(len(p_values)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert holm([p_values[index] for index in order]) == pytest.approx([adjusted[index] for index in order])


def test_holm_refuses_what_is_no_probability() -> None:
    with pytest.raises(RequestError, match="p-values"):
        holm([0.2, 1.5])


def test_sign_flips() -> None:
    rng = np.random.default_rng(0)
    assert sign_flip(np.zeros(5)) == 1
    assert sign_flip(rng.normal(0.5, 1, 200)) < 0.001
    values = [sign_flip(rng.normal(0, 1, 30), resamples=200) for _ in range(200)]
    assert 0.4 < float(np.mean(values)) < 0.6
    with pytest.raises(RequestError):
        sign_flip([])
