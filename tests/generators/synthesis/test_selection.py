from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from editmill.generators.synthesis.selection import diverse, first_accepted, label_noise, misleading, normalised, select
from editmill.generators.synthesis.settings import SelectionSettings
from editmill.manifests.arrays import Feature

FLAGS = st.lists(st.booleans(), min_size=1, max_size=8)


def embeddings(count: int, seed: int) -> Feature:
    return np.random.default_rng(seed).normal(size=(count, 3))


@given(FLAGS, st.integers(1, 8), st.integers(0, 99))
def test_only_accepted_candidates_are_taken_and_none_twice(accepted: list[bool], count: int, seed: int) -> None:
    wrong = np.random.default_rng(seed).random((len(accepted), 3)) < 0.5
    for taken in (
        first_accepted(accepted, count),
        diverse(accepted, embeddings(len(accepted), seed), count),
        misleading(accepted, wrong, count, least_wrong=2),
    ):
        assert len(set(taken)) == len(taken) <= count
        assert all(accepted[number] for number in taken)
    assert len(diverse(accepted, embeddings(len(accepted), seed), count)) == min(count, sum(accepted))


@given(FLAGS, st.integers(1, 8), st.integers(0, 99))
def test_rejected_candidates_change_nothing(accepted: list[bool], count: int, seed: int) -> None:
    points = embeddings(len(accepted), seed)
    kept = [number for number, passed in enumerate(accepted) if passed]
    taken = diverse([True] * len(kept), points[kept], count) if kept else []
    assert diverse(accepted, points, count) == [kept[number] for number in taken]


@given(st.integers(2, 8), st.integers(1, 4), st.integers(0, 99))
def test_the_radius_is_at_most_twice_the_best(total: int, count: int, seed: int) -> None:
    points = normalised(embeddings(total, seed))

    def radius(centres: tuple[int, ...]) -> float:
        return float(np.linalg.norm(points[:, None] - points[list(centres)], axis=2).min(axis=1).max())

    count = min(count, total)
    best = min(radius(centres) for centres in combinations(range(total), count))
    assert radius(tuple(diverse([True] * total, points, count))) <= 2 * best + 1e-9


def test_copies_are_taken_last() -> None:
    points = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert diverse([True] * 4, points, 4) == [0, 3, 2, 1]
    assert diverse([False] * 4, points, 4) == []


@given(FLAGS, st.integers(1, 3), arrays(bool, (8, 3)))
def test_surrogate_mode_takes_every_misleading_candidate_in_order(
    accepted: list[bool], least: int, errors: Feature
) -> None:
    wrong = errors[: len(accepted)]
    expected = [number for number, passed in enumerate(accepted) if passed and wrong[number].sum() >= least]
    assert misleading(accepted, wrong, 8, least_wrong=least) == expected


def test_the_mode_decides() -> None:
    accepted, points = [False, True, True, True], np.array([[1.0, 0], [1.0, 0], [0.9, 0.1], [-1.0, 0]])
    wrong = np.array([[True], [False], [True], [True]])
    assert select(SelectionSettings(), accepted) == [1]
    assert select(SelectionSettings(count=2), accepted) == [1, 2]
    assert select(SelectionSettings(mode="diverse", count=2), accepted, embeddings=points) == [1, 3]
    assert select(SelectionSettings(mode="surrogate", surrogates=("classifier",)), accepted, wrong=wrong) == [2]
    with pytest.raises(ValueError, match="needs embeddings"):
        select(SelectionSettings(mode="diverse"), accepted)
    with pytest.raises(ValueError, match="surrogates' errors"):
        select(SelectionSettings(mode="surrogate", surrogates=("classifier",)), accepted)


def test_label_noise_is_the_specification_s() -> None:
    assert label_noise(0.02, 0.95, 0.15) == pytest.approx(0.1145, abs=1e-4)
    assert np.isnan(label_noise(0.5, 0, 0))
    with pytest.raises(ValueError, match="wrong_share is a share between 0 and 1, not 2"):
        label_noise(2, 0.5, 0.5)


@given(st.floats(0, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_label_noise_grows_where_surrogates_fail_on_wrong_labels_more(share: float, wrong: float, right: float) -> None:
    noise = label_noise(share, wrong, right)
    assert -1e-12 <= noise <= 1 + 1e-12
    assert noise >= share - 1e-9 if wrong >= right else noise <= share + 1e-9


def test_label_noise_of_a_simulated_selection() -> None:
    random = np.random.default_rng(5)
    bad = random.random(200_000) < 0.05
    chosen = random.random(200_000) < np.where(bad, 0.8, 0.2)
    assert label_noise(0.05, 0.8, 0.2) == pytest.approx(bad[chosen].mean(), abs=0.01)
