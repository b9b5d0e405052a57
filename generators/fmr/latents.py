"""Autoencoders whose latents can be ascended: one that quantises, and one that does not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from editmill.generators.models.loading import Models
from editmill.manifests.errors import ModelError
from editmill.manifests.stages import stage


class LatentCodec:
    """A VQModel or an AutoencoderKL, from pictures to latents and back.

    A VQModel's latents are those before its quantiser. ``decode`` looks them up again through a straight-through
    estimator, so that gradients of the picture reach them as if the quantiser were not there (arXiv 1711.00937, section
    3.2).

    Args:
        models: The pack's models.
        role: The autoencoder's role.
        quantize: False decodes a VQModel's latents without its codebook.

    Raises:
        ModelError: The role's model is of another class.
    """

    def __init__(self, models: Models, role: str, *, quantize: bool = True) -> None:
        from diffusers import AutoencoderKL, VQModel

        self.model: Any = models.get(role)
        self.device, self.quantize = models.device, quantize
        self.quantises = isinstance(self.model, VQModel)
        if not isinstance(self.model, VQModel | AutoencoderKL):
            raise ModelError(
                f"the role {role!r} is a {type(self.model).__name__}, whose latents can't be ascended",
                where=f"{models.pack.name}.yaml",
                fix="name a role of class diffusers.VQModel or diffusers.AutoencoderKL",
            )

    @property
    def factor(self) -> int:
        """Pixels per latent along each axis."""
        return int(2 ** (len(self.model.config.block_out_channels) - 1))

    @stage("networks")
    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """Convert pictures float [n, 3, H, W] in [-1, 1] to latents float32 [n, c, h, w]: a KL autoencoder's mode,
        scaled to about unit variance.
        """
        encoded = self.model.encode(pictures.to(self.device, self.model.dtype))
        if self.quantises:
            return encoded.latents.float()
        return (encoded.latent_dist.mode().float() - self._shift) * self.model.config.scaling_factor

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents float [n, c, h, w] to pictures float32 [n, 3, H, W] in about [-1, 1]; differentiable."""
        if self.quantises:
            return self.model.decode(latents.to(self.model.dtype), force_not_quantize=not self.quantize).sample.float()
        unscaled = latents / self.model.config.scaling_factor + self._shift
        return self.model.decode(unscaled.to(self.model.dtype)).sample.float()

    @property
    def _shift(self) -> float:
        return float(getattr(self.model.config, "shift_factor", None) or 0.0)
