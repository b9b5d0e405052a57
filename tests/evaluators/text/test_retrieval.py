"""Ranks and their pools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.evaluators.text.retrieval import compat_mrr, compat_order, ranks, reciprocal_ranks, split_pools


def test_ranks_of_known_features() -> None:
    images = np.eye(3)
    texts = np.array([[1.0, 0, 0], [0.8, 0.6, 0], [0.6, 0.8, 0]])
    assert ranks(texts, images).tolist() == [1, 2, 3]
    assert reciprocal_ranks(texts, images).tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert compat_mrr(texts, images, np.arange(3)) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_ties_share_their_mean_rank() -> None:
    assert ranks(np.ones((4, 1)), np.ones((4, 1))).tolist() == [2.5] * 4
    assert compat_mrr(np.ones((4, 1)), np.ones((4, 1)), np.arange(4)) == 1


def test_several_captions_of_one_image_are_each_ranked_among_images() -> None:
    images = np.eye(3)
    texts = np.array([[1.0, 0, 0], [0, 1.0, 0], [0.8, 0.6, 0]])
    assert ranks(texts, images, np.array([0, 0, 1])).tolist() == [1, 2.5, 2]


def test_2500_images_make_three_pools_of_exactly_1000() -> None:
    pools = split_pools(2500)
    assert [(len(pool.images), pool.ranked) for pool in pools] == [(1000, 1000), (1000, 1000), (1000, 500)]
    # Images that no caption finds: the own one ties with all of its pool.
    assert set(ranks(np.ones((2500, 1)), np.ones((2500, 1))).tolist()) == {500.5}


@given(st.integers(1, 5000), st.integers(1, 1000))
def test_pools_are_of_one_size_and_rank_every_image_once(count: int, size: int) -> None:
    pools = split_pools(count, size=size)
    assert sorted(np.concatenate([pool.images[: pool.ranked] for pool in pools]).tolist()) == list(range(count))
    assert {len(set(pool.images.tolist())) for pool in pools} == {min(size, count)}


def test_captions_are_shuffled_as_in_the_published_notebook() -> None:
    """Its output shows the first and last five of 25,010 rows, which are left of 25,014 without those that repeat."""
    captions = np.arange(25_014)
    # Places of repeated rows that agree with the ten numbers; the notebook does not show them.
    for repeated in (3000, 7000, 20_000, 22_000):
        captions[repeated] = captions[repeated - 1]
    order = compat_order(captions, captions // 5)
    assert len(order) == 25_010
    assert order[:5].tolist() == [6152, 24444, 9467, 18929, 9187]
    assert order[-5:].tolist() == [13125, 19650, 9847, 10801, 2732]


def test_only_a_caption_that_its_image_has_already_is_dropped() -> None:
    captions, images = np.array([4, 4, 4, 2, 2]), np.array([0, 1, 0, 1, 1])
    assert sorted(compat_order(captions, images).tolist()) == [0, 1, 3]


def test_pools_of_captions_drop_the_remainder() -> None:
    """Worked by hand: pools (3, 0) and (1, 4); caption 2 is left over."""
    images = np.eye(5)
    texts = np.eye(5)
    texts[0] = [0.6, 0, 0, 0.8, 0]
    assert compat_mrr(texts, images, np.array([3, 0, 1, 4, 2]), size=2) == pytest.approx((1 + 1 / 2 + 1 + 1) / 4)
