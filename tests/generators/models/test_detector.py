from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForZeroShotObjectDetection,
    AutoProcessor,
    BertConfig,
    BertTokenizer,
    CLIPConfig,
    CLIPModel,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
    OwlViTImageProcessor,
    OwlViTProcessor,
    SwinConfig,
)

from editmill.generators.models.detector import Detection, Detector
from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import say_once
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ModelError
from editmill.packs.tabletop.training.detector import from_clip
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer
from tests.generators.pictures import photo
from tests.pipelines.test_memory import room_for

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


def write_owlv2(folder: Path) -> Path:
    """Write an OWLv2 with random weights."""
    torch.manual_seed(0)
    clip = tiny_clip().config.to_dict()
    model = Owlv2ForObjectDetection(
        Owlv2Config(text_config=clip["text_config"], vision_config=clip["vision_config"], projection_dim=16)
    )
    with torch.no_grad():
        for layer in (model.box_head.dense0, model.box_head.dense1, model.box_head.dense2):
            layer.reset_parameters()
        model.box_head.dense2.bias[2:] = 1.0
        torch.nn.init.normal_(model.class_head.logit_shift.weight, std=0.02)
    model.save_pretrained(folder)
    Owlv2Processor(Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE}), make_tokenizer()).save_pretrained(folder)
    return folder


def write_grounding(folder: Path) -> Path:
    """Write a Grounding DINO with random weights; its code knows BERT's tokens by their number."""
    torch.manual_seed(0)
    tokens = [f"[unused{number}]" for number in range(1040)]
    known = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    words = dict(enumerate(["a", "ball", "red", "cu", "##be", "green", "grass"], start=1))
    for number, token in {**known, **words}.items():
        tokens[number] = token
    tokenizer = BertTokenizer(vocab={token: number for number, token in enumerate(tokens)}, model_max_length=64)
    text = BertConfig(vocab_size=len(tokens), hidden_size=16, intermediate_size=16, num_hidden_layers=1)
    text.num_attention_heads = 2
    swin = SwinConfig(embed_dim=8, depths=[1] * 3, num_heads=[1] * 3, window_size=4, out_features=["stage2", "stage3"])
    config = GroundingDinoConfig(
        backbone_config=swin,
        text_config=text,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=12,
        num_feature_levels=3,
        max_text_len=20,
    )
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 128})
    GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)
    return folder


WRITERS = {"OwlViT": write_detector, "Owlv2": write_owlv2, "GroundingDino": write_grounding}


def models_with(folder: Path, kind: str = "OwlViT", *, batch: int = 1) -> Models:
    cls = f"transformers.{kind}ForObjectDetection"
    roles = {"detector": RoleEntry(cls=cls, path=folder.name, licence="Apache-2.0", prompt="one {}")}
    return Models(
        PackSpec(name="tiny", description="", roles=roles, backgrounds=("grass",), folder=folder.parent),
        Placement(device="cpu", batch=batch),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detector(tmp_path_factory.mktemp("pack") / "detector")


@pytest.fixture(scope="module")
def detector(folder: Path) -> Detector:
    return Detector(models_with(folder))


@pytest.mark.parametrize("size", [(90, 40), (40, 90)])
@pytest.mark.parametrize("kind", WRITERS)
def test_detections_are_those_of_the_stock_processor(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    folder = WRITERS[kind](tmp_path / "detector")
    image = photo(1, width=size[0], height=size[1])
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, local_files_only=True)
    with torch.inference_mode():
        outputs = model(**processor(text=[list(QUERIES)], images=image, return_tensors="pt"))
    wanted = processor.post_process_grounded_object_detection(outputs, threshold=0.0, target_sizes=[image.shape[:2]])[0]
    found = Detector(models_with(folder, kind), overlap=1.0).detect([image], QUERIES, threshold=0.0)[0]
    boxes = np.clip(wanted["boxes"].numpy(), 0, [*size, *size])
    shown = [place for place, box in enumerate(boxes) if box[0] < box[2] and box[1] < box[3]]
    assert len(found) == len(shown) * len(QUERIES) > 10
    for place in shown:
        best = next(one for one in found if one.box == pytest.approx(boxes[place], abs=1e-2))
        if kind == "GroundingDino":
            # The library takes the best token of the whole text, stops included.
            assert best.score <= float(wanted["scores"][place]) + 1e-5
        else:
            assert best.score == pytest.approx(float(wanted["scores"][place]), abs=1e-5)
            assert best.label == int(wanted["labels"][place])


def test_grounding_reads_its_queries_as_one_text(tmp_path: Path) -> None:
    """A query scores as the best of its tokens in the text that the library's processor makes of all queries."""
    folder = write_grounding(tmp_path / "detector")
    image = photo(1, width=90, height=40)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    inputs = processor(text=[list(QUERIES)], images=image, return_tensors="pt")
    assert processor.tokenizer.convert_ids_to_tokens(inputs.input_ids[0]) == (
        ["[CLS]", "a", "ball", ".", "a", "red", "cu", "##be", ".", "green", "grass", ".", "[SEP]"]
    )
    with torch.inference_mode():
        fits = GroundingDinoForObjectDetection.from_pretrained(folder)(**inputs).logits[0].sigmoid()
    found = Detector(models_with(folder, "GroundingDino"), overlap=1.0).detect([image], QUERIES, threshold=0.0)[0]
    for label, places in enumerate(([1, 2], [4, 5, 6, 7], [9, 10])):
        scores = [one.score for one in found if one.label == label]
        assert scores == pytest.approx(sorted(fits[:, places].amax(dim=1).tolist(), reverse=True), abs=1e-5)


def test_grounding_asks_what_does_not_fit_in_further_texts(tmp_path: Path) -> None:
    detector = Detector(models_with(write_grounding(tmp_path / "detector"), "GroundingDino"), overlap=1.0)
    queries = ("a ball", "a red cube. a ball?", *["green grass"] * 6)
    groups = detector.sight.texts(queries)  # type: ignore[union-attr]
    assert [len(tokens) for group in groups for tokens in group] == [2, 6, *[2] * 6]
    assert all(sum(len(tokens) + 1 for tokens in group) + 2 <= 20 for group in groups)
    assert len(groups) == 2
    found = detector.detect([photo(1)], queries, threshold=0.0)[0]
    assert {one.label for one in found} == set(range(len(queries)))
    assert [one for one in found if one.label == 0] == [
        one for one in detector.detect([photo(1)], queries[: len(groups[0])], threshold=0.0)[0] if one.label == 0
    ]


def test_grounding_looks_at_pictures_of_one_size_together(tmp_path: Path) -> None:
    folder = write_grounding(tmp_path / "detector")
    alone, together = (Detector(models_with(folder, "GroundingDino", batch=batch), overlap=1.0) for batch in (1, 3))
    # Four of one size, one of which is asked a longer text, and one of another.
    images = [*map(photo, range(4)), photo(4, width=40, height=90)]
    queries = [QUERIES, QUERIES, QUERIES, (*QUERIES, "a ball"), QUERIES]
    passes: list[int] = []
    model = together.sight.model
    hook = model.register_forward_pre_hook(
        lambda _, args, given: passes.append(len(given["input_ids"])), with_kwargs=True
    )
    found = together.detect_each(images, queries, threshold=0.0)
    hook.remove()
    assert passes == [3, 1, 1]
    say_once.cache_clear()
    with room_for(1) as refused:
        narrow = together.detect_each(images, queries, threshold=0.0)
    assert refused == [3]
    assert narrow == alone.detect_each(images, queries, threshold=0.0)
    for mine, others in zip(found, narrow, strict=True):
        assert len(mine) == len(others) > 10
        for one in mine:
            near = [
                other for other in others if other.label == one.label and other.box == pytest.approx(one.box, abs=0.01)
            ]
            assert min(abs(other.score - one.score) for other in near) < 1e-5


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
