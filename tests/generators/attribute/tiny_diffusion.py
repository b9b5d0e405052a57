"""A tiny diffusion model of pixels and a classifier in a pack of their own, and frames to edit with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Picture
from tests.checkpoints import write_resnet_classifier

SIDE = 16


def write_diffusion(folder: Path, **changes: str) -> None:
    """A UNet with random weights and the schedule of ADM, changed by ``changes``."""
    torch.manual_seed(11)
    unet = UNet2DModel(
        sample_size=SIDE,
        in_channels=3,
        out_channels=6,
        layers_per_block=1,
        block_out_channels=(16, 32),
        norm_num_groups=8,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    # Of about the spread that noise and the variance's coefficient have.
    unet.conv_out.weight.data *= 2.5
    scheduler = DDPMScheduler(
        beta_schedule="linear", beta_start=1e-4, beta_end=0.02, **{"variance_type": "learned_range", **changes}
    )
    DDPMPipeline(unet=unet, scheduler=scheduler).save_pretrained(folder)


def diffusion_models(folder: Path, **changes: str) -> Models:
    """A pack of the roles ``unconditional`` and ``classifier`` on the CPU."""
    write_diffusion(folder / "unconditional", **changes)
    write_resnet_classifier(folder / "classifier")
    roles = {
        "unconditional": RoleEntry(cls="diffusers.DDPMPipeline", path="unconditional", licence="Apache-2.0"),
        "classifier": RoleEntry(
            cls="transformers.ResNetForImageClassification", path="classifier", licence="Apache-2.0"
        ),
    }
    pack = PackSpec(name=f"tiny-{folder.name}", description="", roles=roles, backgrounds=("grass",), folder=folder)
    return Models(pack, Placement(device="cpu"))


def frames(seed: int = 0) -> tuple[Picture, Picture, Picture]:
    """A background, a foreground, both uint8 [S, S, 3], and a disc to keep, bool [S, S]."""
    rng: Any = np.random.default_rng(seed)
    background, foreground = rng.integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return background, foreground, (rows - 7) ** 2 + (columns - 8) ** 2 < 16
