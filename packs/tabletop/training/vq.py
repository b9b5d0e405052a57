"""The vector-quantised autoencoder: a small VQModel with a downsampling factor of 4 that starts from the trained AutoencoderKL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, VQModel
from torch import Tensor, nn

from packs.tabletop.training.autoencoder import AutoencoderTask, to_tensor
from packs.tabletop.training.store import train_scene

WEIGHTS = Path(__file__).parent.parent / "weights"
ENTRIES = 2048
COMMITMENT = 0.25


def continuous_start(autoencoder: AutoencoderKL, *, entries: int = ENTRIES) -> VQModel:
    """A VQModel that computes what ``autoencoder`` does with its mean latents, but for the quantisation; the codebook is still random.

    The convolution that yields mean and log-variance is folded into the encoder's last one, which keeps the mean alone.
    """
    config = autoencoder.config
    model = VQModel(
        in_channels=3, out_channels=3, latent_channels=config.latent_channels, block_out_channels=tuple(config.block_out_channels),
        layers_per_block=config.layers_per_block, norm_num_groups=config.norm_num_groups, sample_size=config.sample_size,
        mid_block_add_attention=config.mid_block_add_attention, num_vq_embeddings=entries, scaling_factor=1.0,
        down_block_types=tuple(config.down_block_types), up_block_types=tuple(config.up_block_types),
    )
    state = autoencoder.state_dict()
    mean, bias = state.pop("quant_conv.weight")[: config.latent_channels, :, 0, 0], state.pop("quant_conv.bias")[: config.latent_channels]
    last = state["encoder.conv_out.weight"]
    state["encoder.conv_out.bias"] = mean @ state["encoder.conv_out.bias"] + bias
    state["encoder.conv_out.weight"] = torch.einsum("om,mikl->oikl", mean, last)
    state["quant_conv.weight"] = torch.eye(config.latent_channels)[:, :, None, None]
    state["quant_conv.bias"] = torch.zeros(config.latent_channels)
    state["quantize.embedding.weight"] = model.quantize.embedding.weight
    model.load_state_dict(state)
    return model


def cluster(points: Tensor, entries: int, *, rounds: int = 8) -> Tensor:
    """k-means from ``entries`` random points of ``points`` [n, d]: centres [entries, d]; centres that no point is nearest to stay."""
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
    """The autoencoder's loss without its KL term, through the straight-through quantiser, and the quantiser's own loss."""

    name = "vq"
    lr, adam_lr, ema = 1e-3, 1e-3, 0.99

    def __init__(
        self, *, steps: int = 250, size: int = 24, entries: int = ENTRIES, scenes: int = 96, autoencoder: Path = WEIGHTS / "autoencoder"
    ) -> None:
        self.steps, self.size, self.entries, self.scenes, self.autoencoder = steps, size, entries, scenes, autoencoder
        self.crops = AutoencoderTask(steps=steps, size=size)

    def module(self) -> nn.Module:
        model = continuous_start(AutoencoderKL.from_pretrained(self.autoencoder), entries=self.entries)
        fill_codebook(model, scenes=self.scenes)
        return model

    def batch(self, step: int) -> dict[str, Tensor]:
        return self.crops.batch(step)

    def loss(self, module: Any, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        image, weight = batch["image"], 1 + 2 * batch["cover"]
        latents = module.encode(image).latents.float()
        output = module.decode(latents)
        decoded = output.sample.float()
        pixel = ((decoded - image).abs() * weight).mean()
        difference = decoded - image
        edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        pooled = F.avg_pool2d(difference, 4).abs().mean()
        psnr = -10 * torch.log10(difference.square().mean() / 4)
        figures = {"psnr": psnr.item(), "quantisation": output.commit_loss.item()}
        return pixel + edges + pooled + COMMITMENT * output.commit_loss, figures

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, VQModel)
        module.to(torch.float16).save_pretrained(folder)
