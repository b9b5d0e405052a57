"""How inpainting pipelines lay out their latents, and what these decode to."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editmill.generators.models.guided_steps import Shift

# Pipelines that pack join latents in patches of two by two.
PATCH = 2


def unpacked(shift: Shift, columns: int) -> Shift:
    """Return ``shift`` for a pipeline that packs: it is given tokens [n, rows * columns, c] as [n, c, rows, columns].

    Latents that are not packed go through as they are.
    """

    def shift_tokens(clean: Tensor, noise: float) -> Tensor:
        if clean.ndim == 4:
            return shift(clean, noise)
        spatial = clean.reshape(len(clean), -1, columns, clean.shape[-1]).permute(0, 3, 1, 2)
        return shift(spatial, noise).flatten(2).transpose(1, 2)

    return shift_tokens


def decode(vae: Any, latents: Tensor) -> Tensor:
    """Decode latents float [n, c, h, w], scaled as the network sees them, to pictures float [n, 3, H, W] in about
    [-1, 1]; differentiable.

    Args:
        vae: The pipeline's autoencoder.
        latents: Of a pipeline that packs as ``unpacked`` gives them: c is four times the autoencoder's channels.
    """
    config = vae.config
    if hasattr(vae, "bn"):
        # FLUX.2 scales whole patches.
        deviation = torch.sqrt(vae.bn.running_var + config.batch_norm_eps)
        latents = F.pixel_shuffle(_scaled(latents, vae.bn.running_mean, deviation), PATCH)
    elif "z_dim" in config:
        # Qwen-Image has the autoencoder of a video model, for which a picture is a film of one frame.
        mean, deviation = torch.tensor(config.latents_mean), torch.tensor(config.latents_std)
        latents = _scaled(F.pixel_shuffle(latents, PATCH), mean, deviation)[:, :, None]
    else:
        packed = latents.shape[1] == PATCH**2 * config.latent_channels
        latents = F.pixel_shuffle(latents, PATCH) if packed else latents
        # Only newer autoencoders, such as that of SD3, shift their latents.
        latents = latents / config.scaling_factor + (config.shift_factor or 0.0)
    decoded: Tensor = vae.decode(latents.to(vae.dtype), return_dict=False)[0].float()
    return decoded[:, :, 0] if decoded.ndim == 5 else decoded


def _scaled(latents: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return latents * deviation.to(latents).view(1, -1, 1, 1) + mean.to(latents).view(1, -1, 1, 1)
