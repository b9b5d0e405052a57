from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    BitImageProcessor,
    Dinov2Config,
    Dinov2Model,
    DINOv3ViTConfig,
    DINOv3ViTImageProcessor,
    DINOv3ViTModel,
)

from editmill.generators.models.image_encoder import BATCH, ImageEncoder
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ModelError
from tests.generators.models.text_models import models_of
from tests.generators.pictures import photo


def write_encoder(folder: Path, *, processor: bool = True) -> Models:
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8, initializer_range=0.3
    )
    Dinov2Model(config).save_pretrained(folder / "encoder")
    if processor:
        BitImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder / "encoder")
    roles = {"image_encoder": RoleEntry(cls="transformers.Dinov2Model", path="encoder", licence="Apache-2.0")}
    return Models(
        PackSpec(name="tiny", description="", roles=roles, backgrounds=("grass",), folder=folder),
        Placement(device="cpu"),
    )


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ImageEncoder:
    return ImageEncoder(write_encoder(tmp_path_factory.mktemp("encoder")))


def test_identities_are_the_normalised_cls_tokens(encoder: ImageEncoder) -> None:
    images = [photo(1), photo(2, width=40, height=90)]
    found = encoder.identities(images)
    assert found.shape == (2, 16)
    assert found.dtype == np.float32
    assert (found**2).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    pixels = encoder.processor(images=images[1], return_tensors="pt").pixel_values
    with torch.inference_mode():
        token = encoder.model(pixel_values=pixels).last_hidden_state[0, 0]
    assert found[1] == pytest.approx((token / token.norm()).tolist(), abs=1e-5)
    assert found[0] @ found[1] < 0.9999


def test_contents_add_the_mean_of_the_patches(encoder: ImageEncoder) -> None:
    found = encoder.contents([photo(3)])
    pixels = encoder.processor(images=photo(3), return_tensors="pt").pixel_values
    with torch.inference_mode():
        tokens = encoder.model(pixel_values=pixels).last_hidden_state[0]
    assert found.shape == (1, 32)
    assert found[0] == pytest.approx([*tokens[0].tolist(), *tokens[1:].mean(dim=0).tolist()], abs=1e-5)


def test_registers_are_no_patches(tmp_path: Path) -> None:
    """DINOv3 has four registers between its CLS token and the patches."""
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = DINOv3ViTConfig(**shape, image_size=32, patch_size=8, num_register_tokens=4, initializer_range=0.3)
    DINOv3ViTModel(config).save_pretrained(tmp_path)
    processor = DINOv3ViTImageProcessor(size={"height": 32, "width": 32})
    processor.save_pretrained(tmp_path)
    encoder = ImageEncoder(models_of("image_encoder", "transformers.DINOv3ViTModel", tmp_path))
    image = photo(3, width=40, height=90)
    with torch.inference_mode():
        tokens = encoder.model(processor(images=image, return_tensors="pt").pixel_values).last_hidden_state[0]
    assert tokens.shape == (1 + 4 + 16, 16)
    assert encoder.contents([image])[0] == pytest.approx(
        [*tokens[0].tolist(), *tokens[5:].mean(dim=0).tolist()], abs=1e-5
    )
    assert encoder.identities([image])[0] == pytest.approx((tokens[0] / tokens[0].norm()).tolist(), abs=1e-5)


def test_more_pictures_than_a_batch_keep_their_order(encoder: ImageEncoder) -> None:
    images = [photo(seed, width=20, height=20) for seed in range(BATCH + 3)]
    together = encoder.identities(images)
    assert together[[0, BATCH, BATCH + 2]] == pytest.approx(
        encoder.identities([images[0], images[BATCH], images[BATCH + 2]]), abs=1e-5
    )


def test_missing_processor_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="processor"):
        ImageEncoder(write_encoder(tmp_path, processor=False))
