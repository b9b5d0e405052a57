from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoProcessor,
    CLIPConfig,
    CLIPModel,
    OwlViTForObjectDetection,
    OwlViTImageProcessor,
    OwlViTProcessor,
)

from editmill.generators.models.detector import Detection, Detector
from editmill.generators.models.loading import Models, Placement
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.manifests.errors import ModelError
from editmill.packs.tabletop.training.detector import from_clip
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer
from tests.generators.pictures import photo

QUERIES = ("a ball", "a red cube", "green grass")
SIDE = 32
GRID = 4


def tiny_clip() -> CLIPModel:
    """A CLIP of one layer with random weights and the pack's tokens."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    tokens = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    return CLIPModel(
        CLIPConfig(
            text_config={**tower, **tokens, "vocab_size": len(tokenizer), "max_position_embeddings": MAX_LENGTH},
            vision_config={**tower, "image_size": SIDE, "patch_size": SIDE // GRID},
            projection_dim=16,
        )
    )


def write_detector(folder: Path, *, size: float = 2.0) -> Path:
    """Write an OWL-ViT with random weights; ``size`` shifts the logits of the boxes' width and height."""
    model = from_clip(tiny_clip())
    with torch.no_grad():
        model.box_head.dense2.bias[2:] = size
        torch.nn.init.normal_(model.class_head.logit_shift.weight, std=0.02)
    model.save_pretrained(folder)
    images = OwlViTImageProcessor(size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    OwlViTProcessor(images, make_tokenizer()).save_pretrained(folder)
    return folder


def models_with(folder: Path) -> Models:
    roles = {
        "detector": RoleEntry(
            cls="transformers.OwlViTForObjectDetection", path=folder.name, licence="Apache-2.0", prompt="one {}"
        )
    }
    return Models(
        PackSpec(name="tiny", description="", roles=roles, backgrounds=("grass",), folder=folder.parent),
        Placement(device="cpu"),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detector(tmp_path_factory.mktemp("pack") / "detector")


@pytest.fixture(scope="module")
def detector(folder: Path) -> Detector:
    return Detector(models_with(folder))


def test_best_detection_is_that_of_the_stock_processor(detector: Detector, folder: Path) -> None:
    image = photo(1, width=90, height=40)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    model = OwlViTForObjectDetection.from_pretrained(folder, local_files_only=True)
    with torch.inference_mode():
        outputs = model(**processor(text=[list(QUERIES)], images=image, return_tensors="pt"))
    wanted = processor.post_process_grounded_object_detection(outputs, threshold=0.0, target_sizes=[image.shape[:2]])[0]
    best = int(wanted["scores"].argmax())
    found = detector.detect([image], QUERIES, threshold=0.0)[0][0]
    assert found.score == pytest.approx(float(wanted["scores"][best]), abs=1e-5)
    assert found.label == int(wanted["labels"][best])
    clipped = np.clip(wanted["boxes"][best].numpy(), 0, [90, 40, 90, 40])
    assert found.box == pytest.approx(clipped, abs=1e-3)


def test_detections_are_sorted_and_above_the_threshold(detector: Detector) -> None:
    everything = detector.detect([photo(1)], QUERIES, threshold=0.0)[0]
    scores = [found.score for found in everything]
    assert scores == sorted(scores, reverse=True)
    assert {found.label for found in everything} == {0, 1, 2}
    middle = scores[len(scores) // 2]
    some = detector.detect([photo(1)], QUERIES, threshold=middle)[0]
    assert some == [found for found in everything if found.score > middle]
    assert detector.detect([photo(1)], QUERIES, threshold=1.0) == [[]]


def test_boxes_stay_within_the_image(detector: Detector) -> None:
    for found in detector.detect([photo(2, width=50, height=80)], QUERIES, threshold=0.0)[0]:
        left, top, right, bottom = found.box
        assert 0 <= left < right <= 50
        assert 0 <= top < bottom <= 80


def test_other_images_in_the_list_do_not_matter(detector: Detector) -> None:
    images = [photo(1), photo(2, width=40, height=90), photo(3)]
    together = detector.detect(images, QUERIES, threshold=0.0)
    assert together == [detector.detect([image], QUERIES, threshold=0.0)[0] for image in images]
    assert together[0] != together[2]


def test_of_overlapping_boxes_of_one_query_the_best_stays(tmp_path: Path) -> None:
    models = models_with(write_detector(tmp_path / "wide", size=8.0))
    every = Detector(models, overlap=1.0).detect([photo(1)], QUERIES, threshold=0.0)[0]
    kept = Detector(models, overlap=0.2).detect([photo(1)], QUERIES, threshold=0.0)[0]
    assert len(every) == GRID * GRID * len(QUERIES)
    assert set(kept) < set(every)
    for label in range(len(QUERIES)):
        of_label: list[Detection] = [found for found in kept if found.label == label]
        assert of_label[0] == next(found for found in every if found.label == label)


def test_queries_for_classes_come_from_the_packs_template(detector: Detector) -> None:
    assert detector.class_queries(("cock, rooster", "ball")) == ("one cock", "one ball")


def test_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "bare")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        Detector(models_with(folder))
