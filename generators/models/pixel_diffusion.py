"""Unconditional diffusion of pixels with learned variance, on a respaced schedule (ADM, arXiv 2105.05233; arXiv
2102.09672).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from editmill.generators.models.loading import Models
from editmill.manifests.errors import ModelError


def space_timesteps(total: int, count: int) -> list[int]:
    """Return the ``count`` timesteps of ``total`` that the authors' ``space_timesteps(total, [count])`` keeps,
    ascending.

    Raises:
        ValueError: There are fewer than ``count``.
    """
    if count > total:
        raise ValueError(f"a schedule of {total} steps can't be respaced to {count}")
    stride = (total - 1) / (count - 1) if count > 1 else 1.0
    kept, place = [], 0.0
    for _ in range(count):
        kept.append(round(place))
        # Added up as the authors do: a product would round some ties the other way.
        place += stride
    return kept


class RespacedSchedule:
    """Coefficients of the kept timesteps, float64 [count] each.

    An index counts kept timesteps from the least noisy one.

    Args:
        betas: Noise variances of the whole schedule, float [T].
        count: How many timesteps to keep, at least 2.
    """

    def __init__(self, betas: Tensor, count: int) -> None:
        self.timesteps = space_timesteps(len(betas), count)
        # In float64: products of a thousand factors lose digits otherwise.
        self.alphas = (1 - betas.double()).cumprod(dim=0)[self.timesteps]
        previous = torch.cat([self.alphas.new_ones(1), self.alphas[:-1]])
        # Betas under which the kept timesteps alone give the same products.
        self.betas = 1 - self.alphas / previous
        variance = self.betas * (1 - previous) / (1 - self.alphas)
        # The posterior of the first step has no variance; the second step's stands in, as in the authors' code.
        variance[0] = variance[1]
        self.log_small, self.log_large = variance.log(), self.betas.log()
        self.clean_share = self.betas * previous.sqrt() / (1 - self.alphas)
        self.noisy_share = (1 - previous) * (1 - self.betas).sqrt() / (1 - self.alphas)

    def q_sample(self, clean: Tensor, index: int, noise: Tensor) -> Tensor:
        """Return a picture noised to the kept timestep ``index``."""
        alpha = float(self.alphas[index])
        return alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise


@dataclass(frozen=True)
class Prediction:
    """What the network says about the next less noisy picture: its mean and variance, and the clean picture.

    Float32 [n, 3, S, S], unclipped.
    """

    mean: Tensor
    variance: Tensor
    clean: Tensor


class PixelDiffusion:
    """The role ``unconditional``, a DDPMPipeline of a UNet2DModel that predicts noise and the variance's coefficient.

    Args:
        models: The pack's models.
        respacing: Number of kept timesteps.

    Raises:
        ModelError: The model is of another kind.
    """

    def __init__(self, models: Models, *, respacing: int) -> None:
        pipeline: Any = models.get("unconditional")
        self.unet, self.device = pipeline.unet, models.device
        config, scheduler = self.unet.config, pipeline.scheduler.config
        kind = (
            int(config.in_channels),
            int(config.out_channels),
            str(scheduler.prediction_type),
            str(scheduler.variance_type),
        )
        if kind != (3, 6, "epsilon", "learned_range"):
            raise ModelError(
                f"the model predicts {kind[2]} with variance {kind[3]} in {kind[1]} channels; faithful mode needs "
                "epsilon with learned_range in 6",
                where=str(models.folder("unconditional")),
                fix="convert a published checkpoint: editmill convert adm CHECKPOINT --to FOLDER",
            )
        self.schedule = RespacedSchedule(pipeline.scheduler.betas, respacing)

    @property
    def side(self) -> int:
        """Side of the pictures."""
        return int(self.unet.config.sample_size)

    def predict(self, noisy: Tensor, index: int) -> Prediction:
        """Return the network's prediction for pictures at the kept timestep ``index``, which it sees under the original
        timestep's number.
        """
        schedule, at = self.schedule, torch.tensor([self.schedule.timesteps[index]], device=noisy.device)
        output = self.unet(noisy.to(self.unet.dtype), at).sample.float()
        noise, coefficient = output.chunk(2, dim=1)
        alpha, share = float(schedule.alphas[index]), (coefficient + 1) / 2
        clean = (noisy - (1 - alpha) ** 0.5 * noise) / alpha**0.5
        mean = float(schedule.clean_share[index]) * clean + float(schedule.noisy_share[index]) * noisy
        # Equation 15 of arXiv 2102.09672.
        variance = (share * float(schedule.log_large[index]) + (1 - share) * float(schedule.log_small[index])).exp()
        return Prediction(mean, variance, clean)

    def noise(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Return standard normal noise [n, 3, S, S] of n generators, drawn on the CPU, so that it's the same on every
        device.
        """
        drawn = [torch.randn((1, 3, self.side, self.side), generator=one) for one in generators]
        return torch.cat(drawn).to(self.device)


def ancestral_step(mean: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    """Return a draw of the next less noisy picture (algorithm 2 of arXiv 2006.11239)."""
    return mean + variance.sqrt() * noise
