"""SAM 2 through transformers' own class, compared with direct calls of its processor and model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2ImageProcessor,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2Processor,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
)

from editmill.generators.models import sam2
from editmill.generators.models.segmenter import Segmenter
from editmill.manifests.arrays import Picture
from tests.generators.models.text_models import models_of
from tests.generators.pictures import photo

SIDE = 64
BOX, POINTS = (20, 5, 60, 30), [[30, 20], [80, 50]]


def write_sam2(folder: Path) -> Path:
    """Write a Sam2Model with random weights; pictures are stretched to 64 pixels."""
    torch.manual_seed(1)
    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        window_positional_embedding_background_size=[2, 2],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[4, 4, 4, 2],
        global_attention_blocks=[3],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=32,
    )
    config = Sam2Config(
        vision_config=vision,
        prompt_encoder_config=Sam2PromptEncoderConfig(hidden_size=32, image_size=SIDE, patch_size=16),
        mask_decoder_config=Sam2MaskDecoderConfig(
            hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16
        ),
    )
    model = Sam2Model(config)
    torch.nn.init.normal_(model.shared_image_embedding.positional_embedding)
    # The library's own initialisation is so small that every mask is the same.
    for weights in model.mask_decoder.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.3)
    model.save_pretrained(folder)
    Sam2Processor(Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sam2(tmp_path_factory.mktemp("segmenter") / "sam2")


@pytest.fixture(scope="module")
def segmenter(folder: Path) -> Segmenter:
    return Segmenter(models_of("segmenter", "transformers.Sam2Model", folder))


def stock(folder: Path, image: Picture, *, several: bool, **prompt: Any) -> tuple[np.ndarray, np.ndarray]:
    """Masks bool [n, H, W] and predicted IoU [n] by the library's processor and model."""
    processor, model = Sam2Processor.from_pretrained(folder), Sam2Model.from_pretrained(folder)
    inputs = processor(images=image, return_tensors="pt", **prompt)
    with torch.inference_mode():
        output = model(**inputs, multimask_output=several)
    masks = processor.post_process_masks(output.pred_masks, inputs["original_sizes"])[0]
    return masks[0].numpy(), output.iou_scores[0, 0].numpy()


@pytest.mark.parametrize("size", [(96, 64), (50, 130)])
def test_masks_are_those_of_the_library_at_the_pictures_size(
    segmenter: Segmenter, folder: Path, size: tuple[int, int]
) -> None:
    image = photo(1, width=size[0], height=size[1])
    prompts: list[tuple[Any, dict[str, Any], bool]] = [
        (segmenter.from_box(image, BOX), {"input_boxes": [[list(BOX)]]}, False),
        (
            segmenter.from_points(image, np.array(POINTS), np.array([1, 0])),
            {"input_points": [[POINTS]], "input_labels": [[[1, 0]]]},
            False,
        ),
        (
            segmenter.from_points(image, np.array(POINTS[:1]), np.array([1])),
            {"input_points": [[POINTS[:1]]], "input_labels": [[[1]]]},
            True,
        ),
    ]
    for found, prompt, several in prompts:
        masks, predicted = stock(folder, image, several=several, **prompt)
        assert found.mask.shape == image.shape[:2]
        assert found.mask.dtype == bool
        assert 0 < found.mask.mean() < 1
        assert np.array_equal(found.mask, masks[predicted.argmax()])
        assert found.predicted_iou == pytest.approx(float(predicted.max()), abs=1e-5)


def test_a_raster_of_points_finds_the_masks_of_each(
    segmenter: Segmenter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photo(3)
    before = segmenter.from_box(image, BOX)
    kept = segmenter.automatic(image, points_per_side=2, least_iou=-10.0, least_stability=0.0)
    # No two boxes overlap by more.
    monkeypatch.setattr(sam2, "OVERLAP", 1.0)
    every = segmenter.automatic(image, points_per_side=2, least_iou=-10.0, least_stability=0.0)
    assert len(kept) < len(every) == 4 * 3
    points = [[x, y] for y in (16.0, 48.0) for x in (24.0, 72.0)]
    stocks = [stock(folder, image, several=True, input_points=[[[point]]], input_labels=[[[1]]]) for point in points]
    wanted = sorted(
        ((score, mask) for masks, scores in stocks for mask, score in zip(masks, scores, strict=True)),
        key=lambda one: -one[0],
    )
    assert [one.predicted_iou for one in every] == pytest.approx([score for score, _ in wanted], abs=1e-5)
    assert all(np.array_equal(one.mask, mask) for one, (_, mask) in zip(every, wanted, strict=True))
    limit = every[3].predicted_iou
    assert len(segmenter.automatic(image, points_per_side=2, least_iou=limit, least_stability=0.0)) == 3
    assert len(segmenter.automatic(image, points_per_side=2, least_iou=-10.0, least_stability=1.0)) < 12
    assert segmenter.automatic(image, points_per_side=2, least_iou=50.0) == []
    assert np.array_equal(segmenter.from_box(image, BOX).mask, before.mask)
