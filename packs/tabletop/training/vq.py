"""The vector-quantised autoencoder: a small VQModel with a downsampling factor of 4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import VQModel
from torch import Tensor, nn

from editmill.packs.tabletop.training.autoencoder import SIZE, AutoencoderTask, to_tensor
from editmill.packs.tabletop.training.store import train_scene

ENTRIES = 2048
COMMITMENT = 0.25
# Keeps latents near unit variance as long as nothing is quantised.
SPREAD = 0.001


def cluster(points: Tensor, entries: int, *, rounds: int = 8) -> Tensor:
    """Run k-means from ``entries`` random points of ``points`` [n, d]: centres [entries, d].

    Centres that no point is nearest to stay.
    """
    centres = points[torch.randperm(len(points))[:entries]].clone()
    for _ in range(rounds):
        nearest = torch.cat([torch.cdist(part, centres).argmin(dim=1) for part in torch.split(points, 8192)])
        counts = torch.bincount(nearest, minlength=entries)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres


@torch.no_grad()
def fill_codebook(model: VQModel, *, scenes: int) -> None:
    """Set the codebook to cluster centres of the latents of the first training scenes."""
    images = torch.stack([to_tensor(train_scene(i).image) for i in range(scenes)])
    latents = torch.cat([model.encode(part).latents for part in torch.split(images, 8)])
    book = model.quantize.embedding.weight
    book.copy_(cluster(latents.permute(0, 2, 3, 1).flatten(0, 2), len(book)))


class VQTask:
    """The autoencoder's loss without its KL term, first on continuous latents, then through the straight-through
    quantiser with its own loss.

    A codebook that is there from the first step collapses to a few entries; one of cluster centres of finished latents
    does not.

    Args:
        steps: Training steps.
        continuous: Steps before the codebook is filled.
        size: Crops per step.
        entries: Of the codebook.
        scenes: Training scenes whose latents the codebook is filled from.
        channels: Width of each level.
    """

    name = "vq"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.99

    def __init__(
        self,
        *,
        steps: int = 1200,
        continuous: int = 500,
        size: int = 32,
        entries: int = ENTRIES,
        scenes: int = 96,
        channels: tuple[int, ...] = (16, 32, 48),
    ) -> None:
        self.steps, self.continuous, self.entries, self.scenes, self.channels = (
            steps,
            continuous,
            entries,
            scenes,
            channels,
        )
        self.crops = AutoencoderTask(steps=steps, size=size)

    def module(self) -> nn.Module:
        levels = len(self.channels)
        return VQModel(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=self.channels,
            layers_per_block=1,
            norm_num_groups=4,
            sample_size=SIZE,
            mid_block_add_attention=False,
            num_vq_embeddings=self.entries,
            scaling_factor=1.0,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
        )

    def batch(self, step: int) -> dict[str, Any]:
        return {**self.crops.batch(step), "step": step}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if batch["step"] == self.continuous:
            fill_codebook(module, scenes=self.scenes)
        quantised = batch["step"] >= self.continuous
        image, weight = batch["image"], 1 + 2 * batch["cover"]
        latents = module.encode(image).latents.float()
        output = module.decode(latents, force_not_quantize=not quantised)
        decoded = output.sample.float()
        pixel = ((decoded - image).abs() * weight).mean()
        difference = decoded - image
        edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        pooled = F.avg_pool2d(difference, 4).abs().mean()
        own = COMMITMENT * output.commit_loss.mean() if quantised else SPREAD * latents.square().mean()
        psnr = -10 * torch.log10(difference.square().mean() / 4)
        return pixel + edges + pooled + own, {"psnr": psnr.item(), "own": own.item()}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, VQModel)
        module.to(torch.float16).save_pretrained(folder)
