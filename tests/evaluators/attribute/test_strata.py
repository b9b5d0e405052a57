from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.evaluators import paired_drop
from editmill.evaluators.attribute.strata import Stratum, thirds
from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, build, drops


def strata_of(dataset: Dataset, classifier: PixelClassifier | None = None) -> tuple[Stratum, ...]:
    return drops(dataset, classifier or PixelClassifier()).models[0].strata


def test_drops_and_accuracies_are_those_of_the_thirds(imagenet_e: Dataset) -> None:
    # Small objects fail wherever they are edited, one large one fails unedited as well.
    def wrong(number: int, edit: str, replica: int) -> bool:
        return number == 11 or (number < 4 and edit not in ("original", "paste-back", "round-trip", "resample"))

    small, middle, large, *margins = strata_of(imagenet_e, PixelClassifier(wrong, plan=IMAGENET_E))
    assert [stratum.by for stratum in margins] == ["margin"] * 3
    assert (small.name, small.sources, small.low, small.high) == ("small", 4, pytest.approx(0.01), pytest.approx(0.04))
    assert (small.original_accuracy, middle.original_accuracy, large.original_accuracy) == (1.0, 1.0, 0.75)
    assert small.mean_drop is not None
    assert (small.mean_drop.value, small.mean_drop.n) == (pytest.approx(1), 4)
    assert middle.mean_drop is not None
    assert middle.mean_drop.value == 0


def test_intervals_are_resampled_by_source(tmp_path: Path) -> None:
    plan = (("original", 0.0, 0), ("full", 0.0, 0), ("full", 0.0, 1), ("size", 0.1, 0))
    dataset = build(tmp_path, sources=30, plan=plan, scores=lambda number: {"area": number / 100})
    classifier = PixelClassifier(lambda number, edit, _: edit != "original" and number % 2 == 0, plan=plan)
    small = strata_of(dataset, classifier)[0]
    # Both edits and all replicas fail together, so there is as much uncertainty as with one of them.
    expected = paired_drop([1.0] * 10, [0.0, 1.0] * 5, resamples=200)
    assert small.mean_drop == expected


def test_a_column_without_a_pair_in_one_third_is_left_out_of_all(tmp_path: Path) -> None:
    plan = (("original", 0.0, 0), ("full", 0.0, 0), ("size", 0.1, 0))
    rejected = {(number, "full") for number in range(3)}
    dataset = build(
        tmp_path, sources=9, plan=plan, rejected=rejected, scores=lambda number: {"area": (number + 1) / 100}
    )
    found = strata_of(dataset, PixelClassifier(lambda number, edit, _: edit == "full", plan=plan))
    assert [stratum.mean_drop.value for stratum in found if stratum.mean_drop] == [0, 0, 0]


@pytest.mark.parametrize("sources", [8, 9])
def test_few_sources_are_not_split(tmp_path: Path, sources: int) -> None:
    dataset = build(tmp_path, sources=sources, scores=lambda number: {"area": (number + 1) / 100})
    assert [stratum.sources for stratum in strata_of(dataset)] == ([] if sources == 8 else [3, 3, 3])


def test_equal_values_stay_together_and_one_value_is_no_split(tmp_path: Path) -> None:
    tied = build(tmp_path / "tied", sources=10, scores=lambda number: {"area": 0.1 if number < 8 else 0.2})
    assert [(stratum.name, stratum.sources) for stratum in strata_of(tied)] == [("small", 8), ("large", 2)]
    equal = build(tmp_path / "equal", sources=10, scores=lambda number: {"area": 0.1})
    assert strata_of(equal) == ()


def test_without_unedited_samples_or_edits_there_is_no_drop(imagenet_e: Dataset) -> None:
    classifier = PixelClassifier(plan=IMAGENET_E)
    assert strata_of(imagenet_e.select(edit="full"), classifier) == ()
    found = strata_of(imagenet_e.select(edit=["original", "round-trip"]), classifier)
    assert len(found) == 6
    assert all(stratum.mean_drop is None for stratum in found)


@given(values=st.lists(st.integers(0, 12), min_size=1, max_size=40), shuffle=st.randoms(use_true_random=False))
def test_thirds_follow_the_values_whatever_their_order(values: list[int], shuffle: object) -> None:
    found = thirds(values)
    by_value = dict(zip(values, found.tolist(), strict=True))
    assert [by_value[value] for value in values] == found.tolist()
    assert [by_value[value] for value in sorted(by_value)] == sorted(by_value.values())
    assert set(found.tolist()) <= {0, 1, 2}
    shuffle.shuffle(values)  # type: ignore[attr-defined]
    assert [by_value[value] for value in values] == thirds(values).tolist()


@pytest.mark.parametrize("n", [9, 10, 11, 300])
def test_thirds_of_distinct_values_differ_by_at_most_one(n: int) -> None:
    counts = np.bincount(thirds(np.arange(n)))
    assert counts.max() - counts.min() <= 1
