from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor
from torch.nn.modules.module import register_module_forward_pre_hook

from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import say_once
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.segmenter import Segment, Segmenter
from editmill.generators.models.together import side_by_side
from editmill.manifests.errors import RequestError
from tests.generators.models.test_sam2 import write_sam2
from tests.generators.models.test_segment_anything import write_tiny
from tests.generators.models.text_models import models_of
from tests.generators.pictures import photo
from tests.pipelines.test_memory import room_for


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


@pytest.mark.parametrize("kind", ["segment_anything.Sam", "transformers.Sam2Model"])
def test_prompts_about_several_pictures_share_calls_and_change_no_mask(kind: str, tmp_path: Path) -> None:
    (write_tiny if kind.startswith("segment") else write_sam2)(tmp_path / "segmenter")
    one = models_of("segmenter", kind, tmp_path / "segmenter")
    several = Segmenter(one, batch=4)
    images = [photo(1), photo(2, width=40, height=90), photo(3)]
    passes: list[int] = []

    def ask(number: int) -> list[Segment]:
        boxes = several.from_boxes(images[number], [(10, 5, 30, 30), (0, 0, 35, 50)])
        points = several.from_points(images[number], np.array([[20, 20], [5 + number, 9]]), np.array([1, number % 2]))
        return [*boxes, points, several.from_points(images[number], np.array([[30, 20 + number]]), np.array([1]))]

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, torch.nn.ConvTranspose2d):
            passes.append(len(inputs[0]))

    hook = register_module_forward_pre_hook(count)
    try:
        alone, calls = [ask(number) for number in range(3)], len(passes)
        together = side_by_side(ask, range(3), most=4)
    finally:
        hook.remove()
    assert set(passes) == {4}
    # Boxes of three pictures take two passes, and each kind of points one.
    assert (calls, len(passes) - calls) == (2 * 9, 2 * 4)
    say_once.cache_clear()
    with room_for(2) as refused:
        narrow = side_by_side(ask, range(3), most=4)
    assert refused
    single = Segmenter(one)
    for mine, beside, fewer, image in zip(alone, together, narrow, images, strict=True):
        assert [one.predicted_iou for one in mine] == [one.predicted_iou for one in beside]
        first = single.from_box(image, (10, 5, 30, 30))
        for found in (mine[0], fewer[0]):
            assert found.predicted_iou == pytest.approx(first.predicted_iou, abs=1e-5)
        for others in (beside, fewer):
            assert all(np.array_equal(one.mask, other.mask) for one, other in zip(mine, others, strict=True))


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
