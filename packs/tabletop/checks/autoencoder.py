"""Reconstruction by the autoencoder."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.common import main_mask, psnr, to_picture
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.world import Scene

BOUNDS = {"autoencoder_psnr": 35.0, "autoencoder_object_psnr": 26.0}


@torch.inference_mode()
def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return PSNR in dB of whole scenes, of the object's pixels, and of the two pixels around its outline, where a soft
    edge would show.
    """
    autoencoder = models.get("autoencoder")
    whole, inside, outline = [], [], []
    for scene in scenes[:200]:
        latents = autoencoder.encode(to_tensor(scene.image)[None]).latent_dist.mean
        picture, mask = to_picture(autoencoder.decode(latents).sample), main_mask(scene)
        edge = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        whole.append(psnr(scene.image, picture))
        inside.append(psnr(scene.image[mask > 0], picture[mask > 0]))
        outline.append(psnr(scene.image[edge], picture[edge]))
    return {
        "autoencoder_psnr": float(np.mean(whole)),
        "autoencoder_object_psnr": float(np.mean(inside)),
        "autoencoder_outline_psnr": float(np.mean(outline)),
    }
