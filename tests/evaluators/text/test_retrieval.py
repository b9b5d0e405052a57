"""Ranks and their pools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.text.retrieval import compat_mrr, ranks, reciprocal_ranks, split_pools


def test_ranks_of_known_features() -> None:
    images = np.eye(3)
    texts = np.array([[1.0, 0, 0], [0.8, 0.6, 0], [0.6, 0.8, 0]])
    assert ranks(texts, images).tolist() == [1, 2, 3]
    assert reciprocal_ranks(texts, images).tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert compat_mrr(texts, images) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_ties_share_their_mean_rank() -> None:
    assert ranks(np.ones((4, 1)), np.ones((4, 1))).tolist() == [2.5] * 4
    assert compat_mrr(np.ones((4, 1)), np.ones((4, 1))) == 1


@given(st.integers(1, 5000), st.integers(1, 1000))
def test_pools_hold_everyone_once(count: int, size: int) -> None:
    pools = split_pools(count, size=size)
    assert sorted(np.concatenate(pools).tolist()) == list(range(count))
    assert max(map(len, pools)) <= size
    assert max(map(len, pools)) - min(map(len, pools)) <= 1
