"""The weights that come with editmill load by stock ``from_pretrained``, without any code of ours."""

from __future__ import annotations

from pathlib import Path

import diffusers
import pytest
import torch
import transformers
from transformers import AutoImageProcessor, AutoTokenizer

from editmill.generators.models.image_adapter import load_image_adapter
from editmill.generators.models.pack import read_pack
from editmill.packs import tabletop
from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from editmill.packs.tabletop.world import CLASSES

PACK = read_pack(tabletop.PACK)


def folder_of(role: str) -> Path:
    """The role's folder; skips the test where it was not trained yet."""
    folder = PACK.folder / PACK.entry(role).path
    if not any(folder.rglob("*.safetensors")):
        pytest.skip(f"no weights of {role!r} in {folder}; train them: python -m editmill.packs.tabletop.train {role}")
    return folder


def finite(network: torch.nn.Module) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters())


def test_autoencoder_loads_and_keeps_the_shape() -> None:
    network = diffusers.AutoencoderKL.from_pretrained(
        folder_of("autoencoder"), local_files_only=True, dtype=torch.float32
    )
    image = torch.zeros(1, 3, 32, 32)
    with torch.inference_mode():
        latents = network.encode(image).latent_dist.mean
        assert latents.shape == (1, 4, 8, 8)
        assert network.decode(latents).sample.shape == image.shape
    assert finite(network)
    # Measured after training; 1.0 is the untrained default.
    assert network.config.scaling_factor != 1.0


def test_inpainting_pipeline_loads_with_its_autoencoder() -> None:
    folder = folder_of("inpaint")
    vae = diffusers.AutoencoderKL.from_pretrained(folder_of("autoencoder"), local_files_only=True, dtype=torch.float32)
    pipeline = diffusers.StableDiffusionInpaintPipeline.from_pretrained(
        folder, vae=vae, local_files_only=True, dtype=torch.float32
    )
    assert type(pipeline.scheduler) is diffusers.DDIMScheduler
    assert (pipeline.scheduler.config.prediction_type, pipeline.scheduler.config.timestep_spacing) == (
        "v_prediction",
        "trailing",
    )
    assert pipeline.unet.config.in_channels == 9
    assert pipeline.unet.config.cross_attention_dim == pipeline.text_encoder.config.hidden_size
    assert pipeline.unet.config.sample_size * pipeline.vae_scale_factor == 128
    assert len(pipeline.tokenizer) == pipeline.text_encoder.config.vocab_size
    assert finite(pipeline.unet)
    assert finite(pipeline.text_encoder)


def test_judge_loads_with_processor_and_tokenizer() -> None:
    folder = folder_of("zero_shot")
    network, report = transformers.CLIPModel.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert finite(network)
    side = network.config.vision_config.image_size
    assert AutoImageProcessor.from_pretrained(folder, local_files_only=True).size == {"height": side, "width": side}
    assert set(PACK.entry("zero_shot").vocabulary) == set(CLASSES)


@pytest.mark.parametrize("part", ["zero_shot", "inpaint/tokenizer"])
def test_tokenizers_are_the_one_the_code_makes(part: str) -> None:
    folder = folder_of(part.split("/")[0])
    stored = AutoTokenizer.from_pretrained(folder / part.partition("/")[2], local_files_only=True)
    texts = ["a small red metal cube on green grass", "no object", ""]
    assert stored(texts, padding="max_length").input_ids == make_tokenizer()(texts, padding="max_length").input_ids


def test_classifier_loads_with_the_worlds_classes() -> None:
    folder = folder_of("classifier")
    network, report = transformers.ResNetForImageClassification.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert tuple(network.config.id2label[number] for number in range(8)) == CLASSES
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    pixels = processor(images=torch.zeros(3, 128, 128, dtype=torch.uint8), return_tensors="pt").pixel_values
    with torch.inference_mode():
        assert network(pixels).logits.shape == (1, 8)
    assert finite(network)


def test_controlnet_loads_and_fits_the_text_to_image_network() -> None:
    network = diffusers.ControlNetModel.from_pretrained(
        folder_of("controlnet"), local_files_only=True, dtype=torch.float32
    )
    unet = diffusers.UNet2DConditionModel.from_pretrained(
        folder_of("text_to_image") / "unet", local_files_only=True, dtype=torch.float32
    )
    assert finite(network)
    assert network.config.block_out_channels == unet.config.block_out_channels
    text, timestep = torch.zeros(1, 4, unet.config.cross_attention_dim), torch.tensor([500])
    with torch.inference_mode():
        down, middle = network(
            torch.zeros(1, 4, 32, 32), timestep, text, controlnet_cond=torch.ones(1, 3, 128, 128), return_dict=False
        )
        sample = unet(
            torch.zeros(1, 4, 32, 32),
            timestep,
            text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
    assert bool(torch.isfinite(sample).all())
    assert middle.abs().sum().item() > 0


def test_image_adapter_is_a_published_ip_adapter_for_the_packs_models() -> None:
    encoder = transformers.CLIPVisionModelWithProjection.from_pretrained(
        folder_of("image_adapter_vision"), local_files_only=True, dtype=torch.float32
    )
    adapter = load_image_adapter(folder_of("image_adapter"), dtype=torch.float32, image_encoder=encoder, processor=None)
    values = [value for part in adapter.state.values() for value in part.values()]
    assert all(bool(torch.isfinite(value).all()) for value in values)


def test_vision_transformer_loads_with_the_worlds_classes() -> None:
    network, report = transformers.SegformerForImageClassification.from_pretrained(
        folder_of("classifier_vit"), local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert tuple(network.config.id2label[number] for number in range(8)) == CLASSES
    assert finite(network)


def test_the_pack_keeps_to_its_size() -> None:
    size = sum(file.stat().st_size for file in (PACK.folder / "weights").rglob("*") if file.is_file())
    assert size <= 60_000_000
