"""Tiny checkpoints of the classes that FMR asks for: VQModel, AutoencoderKL, CLIP and an image classifier."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from diffusers import VQModel

from tests.checkpoints import SEED, SIDE, make_autoencoder, write_clip, write_resnet_classifier


def write_vq(folder: Path) -> Path:
    """Write a VQModel that halves each side."""
    torch.manual_seed(SEED + 20)
    VQModel(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=8,
        num_vq_embeddings=32,
        sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    ).save_pretrained(folder)
    return folder


def write_autoencoder(folder: Path) -> Path:
    """Write an AutoencoderKL that halves each side."""
    torch.manual_seed(SEED + 21)
    make_autoencoder().save_pretrained(folder)
    return folder


def write_fmr_pack(folder: Path, *, name: str = "tiny-fmr") -> Path:
    """Write the checkpoints and the pack file that maps them; returns the pack file."""
    write_vq(folder / "vq")
    write_autoencoder(folder / "autoencoder")
    write_clip(folder / "zero_shot")
    write_resnet_classifier(folder / "classifier")
    classes = {
        "vq": "diffusers.VQModel",
        "autoencoder": "diffusers.AutoencoderKL",
        "zero_shot": "transformers.CLIPModel",
        "classifier": "transformers.ResNetForImageClassification",
    }
    document = {
        "name": name,
        "description": "Tiny random checkpoints for tests.",
        "backgrounds": ["green grass", "a brick wall"],
        "removal_prompt": "an empty background",
        "guidance": 2.0,
        "steps": 1,
        "roles": {role: {"cls": cls, "path": role, "licence": "Apache-2.0"} for role, cls in classes.items()},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path
