"""Reconstruction by the vector-quantised autoencoder, the use of its codebook, and gradients to its latents."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import VQModel

from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature, Picture
from editmill.packs.tabletop.checks.common import psnr, share, to_picture
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.world import Scene

BOUNDS = {"vq_psnr": 30.0, "vq_codebook_use": 0.8, "vq_gradients": 1.0}


@torch.inference_mode()
def reconstruct(model: VQModel, scene: Scene) -> tuple[Picture, Feature]:
    """Return the scene through the codebook, and the indices of the entries that it used."""
    latents = model.encode(to_tensor(scene.image)[None].to(model.device)).latents
    # The quantiser returns latents, loss and a triple, whose last are the indices.
    indices = model.quantize(latents)[2][2]
    return to_picture(model.decode(latents).sample), indices.cpu().numpy()


def reaches_everywhere(model: VQModel, scene: Scene) -> bool:
    """Return whether an error of the picture gives a finite, non-zero gradient at every place of the latents, past the
    quantiser and through it.
    """
    wanted = to_tensor(scene.image)[None].to(model.device)
    for direct in (True, False):
        latents = model.encode(wanted).latents.detach().requires_grad_()
        error = F.mse_loss(model.decode(latents, force_not_quantize=direct).sample, wanted)
        (gradient,) = torch.autograd.grad(error, latents)
        if not bool(gradient.isfinite().all()) or not bool((gradient.abs().amax(dim=1) > 0).all()):
            return False
    return True


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return PSNR in dB of 200 whole scenes and of their objects, the share of codebook entries used, and the share of
    scenes with gradients.
    """
    model = models.get("vq")
    whole, inside, used = [], [], set[int]()
    for scene in scenes[:200]:
        picture, indices = reconstruct(model, scene)
        mask = scene.alphas[0] > 0.5
        whole.append(psnr(scene.image, picture))
        inside.append(psnr(scene.image[mask], picture[mask]))
        used.update(indices.tolist())
    return {
        "vq_psnr": float(np.mean(whole)),
        "vq_psnr_worst": float(np.min(whole)),
        "vq_object_psnr": float(np.mean(inside)),
        "vq_codebook_use": len(used) / model.config.num_vq_embeddings,
        "vq_gradients": share([reaches_everywhere(model, s) for s in scenes[:8]]),
    }
