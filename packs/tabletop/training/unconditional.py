"""The unconditional pixel model with learned variance: whole scenes, bare grounds and composites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.diffusion import run_norms_in_float32
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.variational import Bound
from editmill.packs.tabletop.training.views import composite_view, resize
from editmill.packs.tabletop.world.scene import scene_rng

SIZE = 128
# Lambda of the hybrid loss, as in its paper.
BOUND_WEIGHT = 0.001
KINDS, BARE, COMPOSITE = 3, 1, 2
TURN = 0.8
# Edits noise a picture to the earlier half of the schedule at most, so most of the training is about that half.
EARLY, EARLY_SHARE = 500, 0.7


def make_scheduler() -> DDPMScheduler:
    """Return the schedule of ADM: 1000 linear steps, predicted noise, learned variance."""
    return DDPMScheduler(
        num_train_timesteps=1000, beta_schedule="linear", beta_start=1e-4, beta_end=0.02, variance_type="learned_range"
    )


def training_picture(index: int, side: int) -> Tensor:
    """Return picture ``index`` in [-1, 1], [3, side, side], mirrored at random: scenes, bare grounds, and objects cut
    out on other grounds, in turn.

    The last are what edits make of pictures: without them the model draws a shadow and a rim around every object that
    is pasted.
    """
    scene, rng = train_scene(index // KINDS), scene_rng("train", index, "unconditional")
    if index % KINDS == COMPOSITE:
        scene = composite_view(scene, train_scene(index // KINDS + int(rng.integers(1, 5000))), rng, turn=TURN)
    picture = resize(scene.clean if index % KINDS == BARE else scene.image, side)
    return to_tensor((picture[:, ::-1] if rng.random() < 0.5 else picture).copy())


def spread(places: Tensor) -> Tensor:
    """Return timesteps int64 in [0, 1000) of places in [0, 1): ``EARLY_SHARE`` of them lie before ``EARLY``, and each
    part is even.
    """
    early = places / EARLY_SHARE * EARLY
    late = EARLY + (places - EARLY_SHARE) / (1 - EARLY_SHARE) * (1000 - EARLY)
    return torch.where(places < EARLY_SHARE, early, late).long().clamp(max=999)


class UnconditionalTask:
    """Noise prediction with the hybrid loss: the bound trains the variance alone (arXiv 2102.09672, section 3.1).

    Args:
        steps: Training steps.
        size: Pictures per step.
        side: Side of the pictures.
        channels: Width of each level.
        start: Weights folder to go on from.
    """

    name = "unconditional"
    lr, adam_lr, ema = 3e-3, 1e-3, 0.998

    def __init__(
        self,
        *,
        steps: int = 3000,
        size: int = 12,
        side: int = SIZE,
        channels: tuple[int, ...] = (16, 32, 64, 80, 80),
        start: Path | None = None,
    ) -> None:
        self.steps, self.size, self.side, self.channels, self.start = steps, size, side, channels, start
        self.scheduler = make_scheduler()
        self.bound = Bound(self.scheduler)

    def module(self) -> nn.Module:
        levels = len(self.channels)
        model = UNet2DModel(
            sample_size=self.side,
            in_channels=3,
            out_channels=6,
            layers_per_block=1,
            block_out_channels=self.channels,
            down_block_types=("DownBlock2D",) * levels,
            up_block_types=("UpBlock2D",) * levels,
            norm_num_groups=8,
            attention_head_dim=16,
            time_embedding_dim=96,
        )
        if self.start:
            model.load_state_dict(UNet2DModel.from_pretrained(self.start / "unet", local_files_only=True).state_dict())
        # On the CPU the plain attention's backward pass is several times faster than the fused one's.
        model.mid_block.attentions[0].set_processor(AttnProcessor())
        run_norms_in_float32(model)
        return model

    def batch(self, step: int) -> dict[str, Tensor]:
        return {"image": torch.stack([training_picture(step * self.size + i, self.side) for i in range(self.size)])}

    def loss(
        self, module: Any, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        image = batch["image"]
        # One timestep in each of n equal intervals: a stratified draw makes the loss less noisy than n free ones.
        places = (torch.arange(len(image)) + torch.rand(len(image), generator=generator)) / len(image)
        timesteps = spread(places).to(image.device)
        noise = torch.randn(image.shape, generator=generator).to(image.device)
        noisy = self.scheduler.add_noise(image, noise, timesteps)
        predicted = module(noisy, timesteps).sample.float()
        simple = (predicted[:, :3] - noise).square().mean()
        bits = self.bound.term(
            image, noisy, torch.cat([predicted[:, :3].detach(), predicted[:, 3:]], dim=1), timesteps
        ).mean()
        # The bound is a sum over 1000 timesteps, of which each picture drew one.
        return simple + BOUND_WEIGHT * 1000 * bits, {"simple": simple.item(), "bits": 1000 * bits.item()}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, UNet2DModel)
        DDPMPipeline(unet=module.to(torch.float16), scheduler=self.scheduler).save_pretrained(folder)
