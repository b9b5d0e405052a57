"""Tiny random checkpoints of the real classes, in the formats that ``from_pretrained`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    StableDiffusionInpaintPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    ConvNextImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
)

from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer

SEED = 20240229
WIDTH = 32
SIDE = 32
LABELS = ("ball", "cube", "cone", "cylinder", "ring", "star", "mug", "bottle")


def text_settings() -> dict[str, int]:
    """The configuration of the text towers, for the pack's tokenizer."""
    tokenizer = make_tokenizer()
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": MAX_LENGTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
        "projection_dim": WIDTH,
    }


def make_unet(*, channels: int = 4, **settings: Any) -> UNet2DConditionModel:
    """A network of latents with cross-attention; inpainting takes nine channels."""
    return UNet2DConditionModel(
        sample_size=SIDE // 2,
        in_channels=channels,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        **settings,
    )


def make_autoencoder(*, channels: int = 4, **settings: Any) -> AutoencoderKL:
    """An autoencoder that halves each side."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=channels,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        mid_block_add_attention=False,
        **settings,
    )


def make_inpaint_pipeline() -> StableDiffusionInpaintPipeline:
    """A nine-channel inpainting pipeline with random weights; its native size is 32 pixels."""
    torch.manual_seed(SEED)
    unet, vae = make_unet(channels=9), make_autoencoder()
    scheduler = DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(CLIPTextConfig(**text_settings())),
        tokenizer=make_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_inpaint_pipeline(folder: Path) -> Path:
    """Write an inpainting pipeline in the published layout of Stable Diffusion 1.5, every part in the one folder."""
    make_inpaint_pipeline().save_pretrained(folder)
    return folder


def write_clip(folder: Path) -> Path:
    """Write a CLIP model with its image processor and tokenizer."""
    torch.manual_seed(SEED + 1)
    vision = {
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": 8,
    }
    model = CLIPModel(
        CLIPConfig(text_config=text_settings(), vision_config={**vision, "projection_dim": WIDTH}, projection_dim=WIDTH)
    )
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def write_resnet_classifier(folder: Path) -> Path:
    """Write an image classifier of the tabletop world's eight classes with its image processor."""
    torch.manual_seed(SEED + 2)
    config = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )
    ResNetForImageClassification(config).save_pretrained(folder)
    ConvNextImageProcessor(
        size={"shortest_edge": SIDE}, crop_pct=1.0, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ).save_pretrained(folder)
    return folder


def write_unconditional(folder: Path) -> Path:
    """Write a pixel model with learned variance, 32 pixels wide."""
    torch.manual_seed(SEED + 4)
    unet = UNet2DModel(
        sample_size=SIDE,
        in_channels=3,
        out_channels=6,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        attention_head_dim=8,
    )
    scheduler = DDPMScheduler(beta_schedule="linear", beta_start=1e-4, beta_end=0.02, variance_type="learned_range")
    DDPMPipeline(unet=unet, scheduler=scheduler).save_pretrained(folder)
    return folder


def write_pack(folder: Path, *, name: str = "tiny") -> Path:
    """Write the checkpoints of attribute editing and the pack file that maps them; returns the pack file."""
    write_inpaint_pipeline(folder / "inpaint")
    write_clip(folder / "zero_shot")
    write_unconditional(folder / "unconditional")
    write_resnet_classifier(folder / "classifier")
    document = {
        "name": name,
        "description": "Tiny random checkpoints for tests.",
        "backgrounds": ["green grass", "a brick wall", "a clear sky"],
        # What random weights fill holes with would pass no guard of photographs.
        "worlds": ["*"],
        "removal_prompt": "an empty background",
        "guidance": 2.0,
        "steps": 1,
        "roles": {
            "inpaint": {"cls": "diffusers.StableDiffusionInpaintPipeline", "path": "inpaint", "licence": "Apache-2.0"},
            "zero_shot": {"cls": "transformers.CLIPModel", "path": "zero_shot", "licence": "Apache-2.0"},
            "unconditional": {"cls": "diffusers.DDPMPipeline", "path": "unconditional", "licence": "Apache-2.0"},
            "classifier": {
                "cls": "transformers.ResNetForImageClassification",
                "path": "classifier",
                "licence": "Apache-2.0",
            },
        },
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def write_sd15_models_dir(folder: Path) -> Path:
    """Write the checkpoints under the names of the public ones that the pack ``sd15`` asks for."""
    write_inpaint_pipeline(folder / "stable-diffusion-v1-5" / "stable-diffusion-inpainting")
    write_clip(folder / "openai" / "clip-vit-large-patch14")
    write_resnet_classifier(folder / "microsoft" / "resnet-50")
    return folder
