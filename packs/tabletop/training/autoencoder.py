"""The autoencoder: a small AutoencoderKL with a downsampling factor of 4, trained on crops of scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.world.scene import scene_rng

SIZE = 128
CROP = 64


def to_tensor(image: np.ndarray) -> Tensor:
    """Return uint8 HWC RGB to float32 CHW in [-1, 1]."""
    return torch.from_numpy(image).permute(2, 0, 1).float() / 127.5 - 1


def _crop(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop that shows some of an object in three of five cases: image and object coverage."""
    scene = train_scene(index)
    rng = scene_rng("train", index, "crop")
    cover = np.max(scene.alphas, axis=0)
    left, top = (int(v) for v in rng.integers(0, SIZE - CROP + 1, 2))
    if rng.random() < 0.6:
        x0, y0, x1, y1 = scene.boxes[0]
        left = int(np.clip((x0 + x1) // 2 - CROP // 2 + rng.integers(-24, 25), 0, SIZE - CROP))
        top = int(np.clip((y0 + y1) // 2 - CROP // 2 + rng.integers(-24, 25), 0, SIZE - CROP))
    window = np.s_[top : top + CROP, left : left + CROP]
    return scene.image[window], cover[window]


def _gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    return image[..., 1:] - image[..., :-1], image[..., 1:, :] - image[..., :-1, :]


class AutoencoderTask:
    """L1 weighted on objects, L1 of gradients and of pooled images, and a small KL term."""

    name = "autoencoder"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.995

    def __init__(self, *, steps: int = 1000, size: int = 32) -> None:
        self.steps, self.size = steps, size

    def module(self) -> nn.Module:
        model = AutoencoderKL(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(32, 64, 96),
            layers_per_block=1,
            norm_num_groups=8,
            sample_size=SIZE,
            mid_block_add_attention=False,
            scaling_factor=1.0,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
        )
        with torch.no_grad():
            # The log-variances: small ones let latents say something from the first step on.
            model.quant_conv.bias[4:] = -6.0
        return model

    def batch(self, step: int) -> dict[str, Tensor]:
        crops = [_crop(step * self.size + i) for i in range(self.size)]
        return {
            "image": torch.stack([to_tensor(image) for image, _ in crops]),
            "cover": torch.stack([torch.from_numpy(cover)[None] for _, cover in crops]),
        }

    def loss(
        self, module: Any, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        image, weight = batch["image"], 1 + 2 * batch["cover"]
        posterior = module.encode(image).latent_dist
        decoded = module.decode(posterior.sample(generator)).sample.float()
        pixel = ((decoded - image).abs() * weight).mean()
        edges = sum((a - b).abs().mean() for a, b in zip(_gradients(decoded), _gradients(image), strict=True))
        pooled = (F.avg_pool2d(decoded, 4) - F.avg_pool2d(image, 4)).abs().mean()
        # kl() sums over the latents of a picture.
        divergence = posterior.kl().mean() / image[0].numel()
        # Pictures in [-1, 1] have a peak of 2, and its square is 4.
        psnr = -10 * torch.log10(F.mse_loss(decoded, image) / 4)
        return pixel + edges + pooled + 1e-4 * divergence, {"psnr": psnr.item(), "kl": divergence.item()}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, AutoencoderKL)
        module.register_to_config(scaling_factor=measure_scale(module))
        module.to(torch.float16).save_pretrained(folder)


@torch.no_grad()
def measure_scale(model: AutoencoderKL, *, scenes: int = 64) -> float:
    """Return the factor that brings latents of training scenes to unit variance."""
    model = model.float()
    images = torch.stack([to_tensor(train_scene(i).image) for i in range(scenes)])
    latents = torch.cat([model.encode(part).latent_dist.mean for part in torch.split(images, 8)])
    return round(1.0 / latents.std().item(), 5)
