from __future__ import annotations

import numpy as np
import pytest
from segment_anything import SamPredictor

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.segmenter import Segmenter
from editmill.manifests.errors import RequestError
from tests.generators.models.test_segment_anything import write_tiny
from tests.generators.pictures import photo


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """A segmenter with random weights."""
    folder = tmp_path_factory.mktemp("segmenter")
    write_tiny(folder / "segmenter")
    roles = {"segmenter": RoleEntry(cls="segment_anything.Sam", path="segmenter", licence="Apache-2.0")}
    return Segmenter(
        Models(
            PackSpec(name="tiny", description="", roles=roles, backgrounds=("grass",), folder=folder),
            Placement(device="cpu"),
        )
    )


def test_box_gives_the_packages_single_mask(segmenter: Segmenter) -> None:
    image = photo(1)
    found = segmenter.from_box(image, (10, 5, 60, 40))
    predictor = SamPredictor(segmenter.model)
    predictor.set_image(image)
    masks, predicted, _ = predictor.predict(box=np.array([10, 5, 60, 40]), multimask_output=False)
    assert found.mask.dtype == bool
    assert found.mask.shape == image.shape[:2]
    assert np.array_equal(found.mask, masks[0])
    assert found.predicted_iou == pytest.approx(float(predicted[0]))


def test_one_point_gives_the_best_of_three(segmenter: Segmenter) -> None:
    image = photo(1)
    found = segmenter.from_points(image, np.array([[30, 20]]), np.array([1]))
    predictor = SamPredictor(segmenter.model)
    predictor.set_image(image)
    masks, predicted, _ = predictor.predict(np.array([[30, 20]]), np.array([1]), multimask_output=True)
    assert found.predicted_iou == pytest.approx(float(predicted.max()))
    assert np.array_equal(found.mask, masks[predicted.argmax()])


def test_several_points_give_the_single_mask(segmenter: Segmenter) -> None:
    image, points = photo(1), np.array([[30, 20], [80, 50]])
    found = segmenter.from_points(image, points, np.array([1, 0]))
    predictor = SamPredictor(segmenter.model)
    predictor.set_image(image)
    _, predicted, _ = predictor.predict(points, np.array([1, 0]), multimask_output=False)
    assert found.predicted_iou == pytest.approx(float(predicted[0]))
    other = segmenter.from_points(image, points, np.array([1, 1]))
    assert other.predicted_iou != found.predicted_iou


def test_a_changed_image_is_looked_at_again(segmenter: Segmenter) -> None:
    image = photo(1)
    before = segmenter.from_box(image, (10, 5, 60, 40)).predicted_iou
    image[:] = photo(2)
    after = segmenter.from_box(image, (10, 5, 60, 40)).predicted_iou
    assert after != before
    assert segmenter.from_box(photo(1), (10, 5, 60, 40)).predicted_iou == pytest.approx(before)


def test_automatic_masks_come_sorted_and_filtered(segmenter: Segmenter) -> None:
    image = photo(3)
    found = segmenter.automatic(image, points_per_side=3, least_iou=-10.0, least_stability=0.0)
    assert found
    assert all(segment.mask.shape == image.shape[:2] and segment.mask.dtype == bool for segment in found)
    scores = [segment.predicted_iou for segment in found]
    assert scores == sorted(scores, reverse=True)
    fewer = segmenter.automatic(image, points_per_side=3, least_iou=max(scores[-1], 0.0) + 1e-4, least_stability=0.0)
    assert len(fewer) < len(found)
    assert segmenter.automatic(image, points_per_side=3, least_iou=50.0) == []


@pytest.mark.parametrize("box", [(10, 10, 10, 20), (30, 10, 20, 20)])
def test_empty_box_is_refused(segmenter: Segmenter, box: tuple[float, float, float, float]) -> None:
    with pytest.raises(RequestError, match="is empty"):
        segmenter.from_box(photo(1), box)


@pytest.mark.parametrize(("points", "labels"), [([], []), ([1, 2], [1]), ([[1, 2]], [1, 0]), ([[1, 2, 3]], [1])])
def test_points_without_a_label_each_are_refused(segmenter: Segmenter, points: list[object], labels: list[int]) -> None:
    with pytest.raises(RequestError, match="points of shape"):
        segmenter.from_points(photo(1), np.array(points), np.array(labels))
