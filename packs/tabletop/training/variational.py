"""The variational bound of a diffusion model with learned variance, in bits per dimension (Nichol & Dhariwal, arXiv
2102.09672).
"""

from __future__ import annotations

import math

import torch
from diffusers import DDPMScheduler
from torch import Tensor


def _per_item(values: Tensor, timesteps: Tensor) -> Tensor:
    return values.to(timesteps.device)[timesteps][:, None, None, None]


class Bound:
    """Terms of the bound for one scheduler; pictures are float32 [n, 3, h, w] in [-1, 1] with 256 levels."""

    def __init__(self, scheduler: DDPMScheduler) -> None:
        # Differences of numbers near 1 lose most digits in single precision.
        alphas = scheduler.alphas_cumprod.double()
        previous = torch.cat([torch.ones(1, dtype=torch.float64), alphas[:-1]])
        betas = 1 - alphas / previous
        variance = betas * (1 - previous) / (1 - alphas)
        # The posterior of the first step has no variance; the second step's stands in, as in the authors' code.
        variance[0] = variance[1]
        self.alphas = alphas.float()
        self.log_small, self.log_large = variance.log().float(), betas.log().float()
        self.start_share = (previous.sqrt() * betas / (1 - alphas)).float()
        self.sample_share = ((betas.neg() + 1).sqrt() * (1 - previous) / (1 - alphas)).float()

    def clean(self, noisy: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return the picture that ``noise`` implies for ``noisy``."""
        alpha = _per_item(self.alphas, timesteps)
        return (noisy - (1 - alpha).sqrt() * noise) / alpha.sqrt()

    def _mean(self, clean: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        return _per_item(self.start_share, timesteps) * clean + _per_item(self.sample_share, timesteps) * noisy

    def log_variance(self, coefficient: Tensor, timesteps: Tensor) -> Tensor:
        """Return the variance of equation 15.

        ``coefficient`` in [-1, 1] interpolates between the smallest and the largest sensible
        variance.
        """
        share = (coefficient + 1) / 2
        return share * _per_item(self.log_large, timesteps) + (1 - share) * _per_item(self.log_small, timesteps)

    def term(self, image: Tensor, noisy: Tensor, predicted: Tensor, timesteps: Tensor) -> Tensor:
        """Return the term of each item's timestep, bits per dimension [n].

        ``predicted`` is the network's output [n, 6, h, w].
        """
        noise, coefficient = predicted.chunk(2, dim=1)
        log_variance = self.log_variance(coefficient, timesteps)
        mean = self._mean(self.clean(noisy, noise, timesteps).clamp(-1, 1), noisy, timesteps)
        true_mean, true_log = self._mean(image, noisy, timesteps), _per_item(self.log_small, timesteps)
        divergence = 0.5 * (
            log_variance
            - true_log
            + (true_log - log_variance).exp()
            - 1
            + (true_mean - mean).square() * (-log_variance).exp()
        )
        first = -discrete_log_likelihood(image, mean, 0.5 * log_variance)
        nats = torch.where((timesteps == 0)[:, None, None, None], first, divergence)
        return nats.flatten(1).mean(dim=1) / math.log(2)

    def prior(self, image: Tensor) -> Tensor:
        """Return the divergence of the fully noised picture from a standard normal, bits per dimension [n]."""
        alpha = self.alphas[-1]
        nats = 0.5 * ((1 - alpha) + alpha * image.square() - 1 - (1 - alpha).log())
        return nats.flatten(1).mean(dim=1) / math.log(2)


def discrete_log_likelihood(image: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Return the log-probability of 256 grey levels in [-1, 1] under a normal that is integrated over each level's
    interval.
    """
    centred, inverse = image - mean, (-log_scale).exp()
    upper, lower = torch.special.ndtr((centred + 1 / 255) * inverse), torch.special.ndtr((centred - 1 / 255) * inverse)
    # The outermost grey levels take what lies beyond them.
    upper = torch.where(image > 0.999, torch.ones_like(upper), upper)
    lower = torch.where(image < -0.999, torch.zeros_like(lower), lower)
    return (upper - lower).clamp(min=1e-12).log()
