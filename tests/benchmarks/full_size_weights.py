"""Checkpoints with the configurations and layouts of published ones, and random weights in bfloat16."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from segment_anything import sam_model_registry
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    BitImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    ConvNextImageProcessor,
    Dinov2Config,
    Dinov2Model,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
    ResNetConfig,
    ResNetForImageClassification,
)

# CLIP's vocabulary.
TOKENS, LENGTH = 49_408, 77
DTYPE = torch.bfloat16
TEXT: dict[str, Any] = {"vocab_size": TOKENS, "max_position_embeddings": LENGTH, "bos_token_id": 49_406}
TEXT |= {"eos_token_id": 49_407, "pad_token_id": 49_407}
TEXT_L = {**TEXT, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}


def save_random(make: Callable[[], Any], folder: Path, *, variant: str = "") -> None:
    """Write a network of diffusers or transformers, whose modules are made without memory."""
    with torch.device("meta"):
        network = make()
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(network, "save_config"):
        network.save_config(folder)
    else:
        network.config.architectures = [type(network).__name__]
        network.config.save_pretrained(folder)
    stem = "diffusion_pytorch_model" if hasattr(network, "save_config") else "model"
    name = f"{stem}.{variant}.safetensors" if variant else f"{stem}.safetensors"
    save_file(random_state(network), folder / name, metadata={"format": "pt"})


def random_state(network: torch.nn.Module, dtype: torch.dtype = DTYPE) -> dict[str, torch.Tensor]:
    """Return weights that keep values finite: small normal ones, ones for scales and variances, zeros for biases."""
    torch.manual_seed(0)
    state = {}
    for name, value in network.state_dict().items():
        last = name.rpartition(".")[2]
        if not value.is_floating_point():
            state[name] = torch.zeros(value.shape, dtype=value.dtype)
        elif value.ndim > 1:
            state[name] = torch.empty(value.shape, dtype=dtype).normal_(0, 0.02)
        else:
            state[name] = torch.full(value.shape, float(last in ("weight", "running_var", "lambda1")), dtype=dtype)
    return state


def save_tokenizer(folder: Path, *, length: int = LENGTH) -> CLIPTokenizer:
    """Write a tokenizer of bytes whose vocabulary has the size of CLIP's."""
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    tokens += [f"unused{number}</w>" for number in range(TOKENS - 2 - len(tokens))]
    vocabulary = {token: index for index, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length, pad_token="<|endoftext|>")
    tokenizer.save_pretrained(folder)
    return tokenizer


def write_sd15(folder: Path) -> None:
    """Write Stable Diffusion 1.5 inpainting; the index names a safety checker, which is not there."""
    unet = {"sample_size": 64, "in_channels": 9, "cross_attention_dim": 768, "attention_head_dim": 8}
    save_random(lambda: UNet2DConditionModel(**unet), folder / "unet")
    save_random(lambda: _autoencoder(sample_size=512), folder / "vae")
    text = CLIPTextConfig(**TEXT_L, hidden_act="quick_gelu", projection_dim=768)
    save_random(lambda: CLIPTextModel(text), folder / "text_encoder")
    save_tokenizer(folder / "tokenizer")
    beta = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    DDIMScheduler(**beta, clip_sample=False, set_alpha_to_one=False).save_pretrained(folder / "scheduler")
    parts = {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    _write_index(folder, "StableDiffusionInpaintPipeline", parts)


def write_sdxl(folder: Path) -> None:
    """Write Stable Diffusion XL inpainting with the variant fp16 alone."""
    unet = {
        "sample_size": 128,
        "in_channels": 9,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": [1, 2, 10],
        "attention_head_dim": [5, 10, 20],
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    }
    save_random(lambda: UNet2DConditionModel(**unet), folder / "unet", variant="fp16")
    vae = {"sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True}
    save_random(lambda: _autoencoder(**vae), folder / "vae", variant="fp16")
    first = CLIPTextConfig(**TEXT_L, hidden_act="quick_gelu", projection_dim=768)
    save_random(lambda: CLIPTextModel(first), folder / "text_encoder", variant="fp16")
    large = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
    second = CLIPTextConfig(**{**TEXT, **large}, hidden_act="gelu", projection_dim=1280)
    save_random(lambda: CLIPTextModelWithProjection(second), folder / "text_encoder_2", variant="fp16")
    save_tokenizer(folder / "tokenizer")
    save_tokenizer(folder / "tokenizer_2")
    beta = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    EulerDiscreteScheduler(**beta).save_pretrained(folder / "scheduler")
    parts = {
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    _write_index(folder, "StableDiffusionXLInpaintPipeline", parts)


def write_clip(folder: Path) -> None:
    """Write CLIP ViT-L/14."""
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    config = CLIPConfig(text_config={**TEXT_L}, vision_config={**vision, "patch_size": 14}, projection_dim=768)
    save_random(lambda: CLIPModel(config), folder)
    save_tokenizer(folder)
    CLIPImageProcessor().save_pretrained(folder)


def write_resnet(folder: Path) -> None:
    """Write ResNet-50 with the names of ImageNet's classes left out."""
    save_random(lambda: ResNetForImageClassification(ResNetConfig(num_labels=1000)), folder)
    ConvNextImageProcessor(crop_pct=0.875).save_pretrained(folder)


def write_sam(folder: Path) -> None:
    """Write SAM ViT-B as its published file; in float32, in which most of it computes."""
    with torch.device("meta"):
        network = sam_model_registry["vit_b"]()
    folder.mkdir(parents=True)
    torch.save(random_state(network, torch.float32), folder / "sam_vit_b_01ec64.pth")


def write_dinov2(folder: Path) -> None:
    """Write DINOv2-base."""
    save_random(lambda: Dinov2Model(Dinov2Config(image_size=518, patch_size=14)), folder)
    BitImageProcessor(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}).save_pretrained(folder)


def write_owlv2(folder: Path) -> None:
    """Write OWLv2-base."""
    vision = {"image_size": 960, "patch_size": 16, "hidden_size": 768, "num_attention_heads": 12}
    text = {**TEXT, "max_position_embeddings": 16, "hidden_size": 512, "num_attention_heads": 8}
    config = Owlv2Config(text_config=text, vision_config=vision, projection_dim=512)
    save_random(lambda: Owlv2ForObjectDetection(config), folder)
    processor = Owlv2ImageProcessor(size={"height": 960, "width": 960})
    Owlv2Processor(processor, save_tokenizer(folder, length=16)).save_pretrained(folder)


def _autoencoder(**settings: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        **settings,
    )


def _write_index(folder: Path, cls: str, parts: dict[str, list[str]]) -> None:
    document = {"_class_name": cls, "_diffusers_version": "0.6.0", **parts}
    (folder / "model_index.json").write_text(json.dumps(document, indent=2))
