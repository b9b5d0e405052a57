"""Tiny random inpainting pipelines of every family that the role ``inpaint`` may have, in the published layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import (
    ControlNetModel,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3InpaintPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from tests.checkpoints import (
    SEED,
    SIDE,
    WIDTH,
    make_autoencoder,
    make_inpaint_pipeline,
    make_unet,
    text_settings,
    write_clip,
)

FAMILIES = ("sd", "controlnet", "sdxl", "sd3")
CLASSES = {
    "sd": "StableDiffusionInpaintPipeline",
    "controlnet": "StableDiffusionControlNetInpaintPipeline",
    "sdxl": "StableDiffusionXLInpaintPipeline",
    "sd3": "StableDiffusion3InpaintPipeline",
}


def make_family(family: str) -> Any:
    """A pipeline of ``family`` with random weights."""
    torch.manual_seed(SEED + 3)
    return {"sd": make_inpaint_pipeline, "controlnet": _controlnet, "sdxl": _sdxl, "sd3": _sd3}[family]()


def write_family(folder: Path, family: str) -> Path:
    """Write a pipeline of ``family``, a CLIP judge and the pack file that maps them; returns the pack file."""
    make_family(family).save_pretrained(folder / "inpaint")
    write_clip(folder / "zero_shot")
    document = {
        "name": family,
        "description": "Tiny random checkpoints for tests.",
        "backgrounds": ["green grass"],
        "guidance": 2.0,
        "steps": 2,
        "roles": {
            "inpaint": {"cls": f"diffusers.{CLASSES[family]}", "path": "inpaint", "licence": "Apache-2.0"},
            "zero_shot": {"cls": "transformers.CLIPModel", "path": "zero_shot", "licence": "Apache-2.0"},
        },
    }
    path = folder / f"{family}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _controlnet() -> StableDiffusionControlNetInpaintPipeline:
    base = make_inpaint_pipeline()
    controlnet = ControlNetModel(
        in_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        conditioning_embedding_out_channels=(8, 8),
    )
    parts = {name: part for name, part in base.components.items() if name != "image_encoder"}
    return StableDiffusionControlNetInpaintPipeline(**parts, controlnet=controlnet, requires_safety_checker=False)


def _projected_text() -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(CLIPTextConfig(**text_settings()))


def _sdxl() -> StableDiffusionXLInpaintPipeline:
    unet = make_unet(
        channels=9,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
    )
    scheduler = EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1
    )
    return StableDiffusionXLInpaintPipeline(
        vae=make_autoencoder(),
        text_encoder=None,
        text_encoder_2=_projected_text(),
        tokenizer=None,
        tokenizer_2=make_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        add_watermarker=False,
    )


def _sd3() -> StableDiffusion3InpaintPipeline:
    transformer = SD3Transformer2DModel(
        sample_size=SIDE // 2,
        patch_size=2,
        in_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=2 * WIDTH,
        out_channels=16,
        pos_embed_max_size=32,
    )
    return StableDiffusion3InpaintPipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=make_autoencoder(channels=16, shift_factor=0.06, scaling_factor=1.5),
        text_encoder=_projected_text(),
        tokenizer=make_tokenizer(),
        text_encoder_2=_projected_text(),
        tokenizer_2=make_tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    )
