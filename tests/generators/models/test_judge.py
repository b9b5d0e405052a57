from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    ConvNextConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from tests.generators.pictures import photo

TEXTS = ("a ball", "a cube", "a cone", "green grass")


@pytest.fixture(scope="module")
def judge(models: Models) -> ZeroShotJudge:
    return ZeroShotJudge(models)


def test_probabilities_sum_to_one(judge: ZeroShotJudge) -> None:
    probabilities = judge.probabilities([photo(1), photo(2, width=40, height=90)], TEXTS)
    assert probabilities.shape == (2, 4)
    assert probabilities.dtype == np.float32
    assert (probabilities > 0).all()
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_other_images_in_the_list_do_not_matter(judge: ZeroShotJudge) -> None:
    images = [photo(seed) for seed in range(5)]
    together = judge.probabilities(images, TEXTS)
    for number, image in enumerate(images):
        assert judge.probabilities([image], TEXTS)[0] == pytest.approx(together[number], abs=1e-6)
    assert np.ptp(together, axis=0).max() > 1e-3


def test_order_of_the_texts_permutes_the_probabilities(judge: ZeroShotJudge) -> None:
    forwards, backwards = (judge.probabilities([photo(1)], texts)[0] for texts in (TEXTS, TEXTS[::-1]))
    assert forwards == pytest.approx(backwards[::-1], abs=1e-6)
    assert len(set(forwards.tolist())) == len(TEXTS)


def test_prompts_name_the_first_synonym(judge: ZeroShotJudge) -> None:
    assert judge.class_prompts(("cock, rooster", "ball")) == ("a photo of a cock", "a photo of a ball")


def test_open_vocabulary_knows_every_name(judge: ZeroShotJudge) -> None:
    assert judge.knows("goldfish")


POSITIONS, SIDE = 20, 24


def tiny_siglip(vocabulary: int) -> SiglipModel:
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return SiglipModel(
        SiglipConfig(
            text_config={
                **tower,
                "vocab_size": vocabulary,
                "max_position_embeddings": POSITIONS,
                "projection_size": 16,
                "bos_token_id": 0,
                "eos_token_id": 1,
                "pad_token_id": 1,
            },
            vision_config={**tower, "image_size": SIDE, "patch_size": 8},
        )
    )


def tiny_dual_encoder(vocabulary: int) -> VisionTextDualEncoderModel:
    text = BertConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=POSITIONS,
    )
    vision = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=SIDE, hidden_size=16)
    return VisionTextDualEncoderModel(
        VisionTextDualEncoderConfig.from_vision_text_configs(vision, text, projection_dim=16)
    )


def tiny_siglip2(vocabulary: int) -> Siglip2Model:
    """Patches of eight pixels, at most thirteen of them."""
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**tower, "vocab_size": vocabulary, "max_position_embeddings": POSITIONS, "projection_size": 16}
    return Siglip2Model(
        Siglip2Config(
            text_config={**text, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0},
            vision_config={**tower, "num_patches": 9, "patch_size": 8},
        )
    )


def write_judge(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Models:
    """A pack whose only role is the judge ``other``; its weights are far from zero, so texts differ."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(folder / "judge")
    tokenizer.save_pretrained(folder / "judge")
    SiglipImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder / "judge")
    roles = {"other": RoleEntry(cls=f"transformers.{type(model).__name__}", path="judge", licence="Apache-2.0")}
    return Models(
        PackSpec(name=f"tiny-{folder.name}", description="", roles=roles, backgrounds=("grass",), folder=folder),
        Placement(device="cpu"),
    )


@torch.inference_mode()
def expected(judge: ZeroShotJudge, tokens: Any, image: np.ndarray) -> list[float]:
    """What the model's own forward pass gives, bias included."""
    pixels = judge.features.processor(images=image, return_tensors="pt").pixel_values
    return judge.features.model(pixel_values=pixels, **tokens).logits_per_image.softmax(-1)[0].tolist()


@pytest.mark.parametrize("length", [POSITIONS, 10**30])
def test_siglip_reads_texts_padded_to_its_positions_without_a_mask(length: int, tmp_path: Path) -> None:
    """Some published tokenizers of SigLIP name no length or would give a mask; the model was trained on neither."""
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = length
    models = write_judge(tmp_path, tiny_siglip(len(tokenizer)), tokenizer)
    judge = ZeroShotJudge(models, role="other")
    tokens = make_tokenizer()(list(TEXTS), padding="max_length", max_length=POSITIONS, return_tensors="pt")
    assert "attention_mask" in tokens
    found = judge.probabilities([photo(1)], TEXTS)[0]
    assert found == pytest.approx(expected(judge, {"input_ids": tokens.input_ids}, photo(1)), abs=1e-5)
    assert np.ptp(found) > 1e-3
    assert found != pytest.approx(expected(judge, tokens, photo(1)), abs=1e-5)


@pytest.mark.parametrize("size", [(96, 64), (40, 90)])
def test_siglip2_sees_the_patches_of_each_shape_and_reads_small_letters(size: tuple[int, int], tmp_path: Path) -> None:
    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581")
    letters = {token: number for number, token in enumerate((*special, *"abcdefghijklmnopqrstuvwxyzABCG"))}
    tokenizer = Siglip2Tokenizer(vocab=letters, merges=[])
    models = write_judge(tmp_path, tiny_siglip2(len(letters)), tokenizer)
    processor = Siglip2ImageProcessor(patch_size=8, max_num_patches=13)
    processor.save_pretrained(tmp_path / "judge")
    judge, image = ZeroShotJudge(models, role="other"), photo(1, width=size[0], height=size[1])
    tokens = tokenizer(list(TEXTS), padding="max_length", max_length=POSITIONS, return_tensors="pt")
    seen = processor(images=image, return_tensors="pt")
    assert seen.spatial_shapes[0].prod() < 13
    with torch.inference_mode():
        logits = judge.features.model(**seen, input_ids=tokens.input_ids).logits_per_image
    found = judge.probabilities([photo(2), image], TEXTS)[1]
    assert found == pytest.approx(logits.softmax(-1)[0].tolist(), abs=1e-5)
    assert np.ptp(found) > 1e-3
    loud = judge.probabilities([image], tuple(text.upper() for text in TEXTS))[0]
    assert loud == pytest.approx(found, abs=1e-6)


def test_dual_encoder_reads_texts_with_a_mask(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    judge = ZeroShotJudge(write_judge(tmp_path, tiny_dual_encoder(len(tokenizer)), tokenizer), role="other")
    tokens = tokenizer(list(TEXTS), padding="max_length", max_length=POSITIONS, return_tensors="pt")
    found = judge.probabilities([photo(1)], TEXTS)[0]
    assert found == pytest.approx(expected(judge, tokens, photo(1)), abs=1e-5)
    assert np.ptp(found) > 1e-3


def test_long_texts_are_cut_to_the_positions(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    judge = ZeroShotJudge(write_judge(tmp_path, tiny_siglip(len(tokenizer)), tokenizer), role="other")
    assert judge.probabilities([photo(1)], ("a red cube on green grass " * 9, "a ball")).shape == (1, 2)
