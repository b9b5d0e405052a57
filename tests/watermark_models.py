"""Tiny checkpoints of the classes that CtrlRegen is made of: Stable Diffusion 1, ControlNet, IP-Adapter-Plus and
DINOv2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import ControlNetModel, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from transformers import BitImageProcessor, CLIPTextModel, Dinov2Config, Dinov2Model

from editmill.packs.tabletop.training.image_adapter import published_names
from tests.checkpoints import SEED, make_inpaint_pipeline, make_unet

TOKENS = 4


def make_pipeline() -> StableDiffusionPipeline:
    """Random weights with the schedule of Stable Diffusion 1, which never reaches pure noise.

    Its native size is 32 pixels.
    """
    parts = make_inpaint_pipeline().components
    torch.manual_seed(SEED + 10)
    unet = make_unet()
    assert isinstance(parts["text_encoder"], CLIPTextModel)
    return StableDiffusionPipeline(
        **{name: parts[name] for name in ("vae", "text_encoder", "tokenizer", "scheduler")},
        unet=unet,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def adapter_state(unet: UNet2DConditionModel, width: int) -> dict[str, dict[str, torch.Tensor]]:
    """Random weights in the layout of the published pickles."""
    torch.manual_seed(SEED + 11)
    output = unet.config.cross_attention_dim
    projection = IPAdapterPlusImageProjection(
        embed_dims=width, output_dims=output, hidden_dims=64, heads=1, num_queries=TOKENS
    )
    crossed = [
        unet.get_submodule(name.removesuffix(".processor"))
        for name in unet.attn_processors
        if name.endswith("attn2.processor")
    ]
    attention = {
        f"{2 * number + 1}.{part}.weight": torch.randn(layer.inner_dim, output)
        for number, layer in enumerate(crossed)
        for part in ("to_k_ip", "to_v_ip")
    }
    projected = {name: value.detach().clone() for name, value in published_names(projection.state_dict()).items()}
    return {"image_proj": projected, "ip_adapter": attention}


def write_dinov2(folder: Path) -> int:
    """Write a DINOv2 encoder with its processor; its width is returned."""
    torch.manual_seed(SEED + 12)
    Dinov2Model(
        Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
    ).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}).save_pretrained(folder)
    return 24


def write_watermark_pack(root: Path) -> Path:
    """Write a pack with every role that regeneration takes; the adapter as the published pickle, to be converted."""
    pipeline = make_pipeline()
    pipeline.save_pretrained(root / "sd")
    ControlNetModel.from_unet(pipeline.unet, conditioning_embedding_out_channels=(8, 16)).save_pretrained(
        root / "controlnet"
    )
    torch.save(adapter_state(pipeline.unet, write_dinov2(root / "dinov2")), root / "adapter.bin")
    roles: dict[str, dict[str, Any]] = {
        "text_to_image": {"cls": "diffusers.StableDiffusionPipeline", "path": "sd"},
        "autoencoder": {"cls": "diffusers.AutoencoderKL", "path": "sd/vae"},
        "controlnet": {"cls": "diffusers.ControlNetModel", "path": "controlnet"},
        "image_adapter": {
            "cls": "diffusers.loaders.IPAdapterMixin",
            "path": "adapter",
            "parts": {"image_encoder": "image_encoder"},
        },
        "image_encoder": {"cls": "transformers.Dinov2Model", "path": "dinov2"},
    }
    document = {
        "name": "tiny",
        "description": "tiny",
        "backgrounds": [],
        "roles": {name: {**entry, "licence": "none"} for name, entry in roles.items()},
    }
    path = root / "tiny.yaml"
    path.write_text(yaml.safe_dump(document))
    return path
