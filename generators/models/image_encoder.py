"""Features of pictures by a DINOv2, a DINOv3 or an encoder like them: for the identity of objects and for distances
between sets of pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import in_micro_batches
from editmill.generators.models.preprocessing import load_processor
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.stages import stage

BATCH = 32


class ImageEncoder:
    """The encoder of the role ``image_encoder``: a CLS token, registers where the model has some, and patches."""

    def __init__(self, models: Models, *, role: str = "image_encoder") -> None:
        self.model: Any = models.get(role)
        self.device = models.device
        self.processor = load_processor(models, role)
        self.first_patch = 1 + getattr(self.model.config, "num_register_tokens", 0)

    def _tokens(self, images: list[Picture]) -> torch.Tensor:
        return torch.stack(in_micro_batches(images, BATCH, self._see))

    @stage("networks")
    @torch.inference_mode()
    def _see(self, images: Sequence[Picture]) -> list[torch.Tensor]:
        # Each picture on its own: pictures in a list may differ in size, and some processors need equal ones.
        pixels = torch.cat([self.processor(images=image, return_tensors="pt").pixel_values for image in images])
        return list(self.model(pixel_values=pixels.to(self.device, self.model.dtype)).last_hidden_state.float().cpu())

    def identities(self, images: list[Picture]) -> Picture:
        """Return unit CLS features, float32 [images, width], of pictures uint8 [H, W, 3] RGB.

        Their products are cosines.
        """
        features = self._tokens(images)[:, 0]
        return np.asarray(features / features.norm(dim=-1, keepdim=True))

    def contents(self, images: list[Picture]) -> Feature:
        """Return CLS feature beside the mean of the patches, float32 [images, 2 * width]: DINOv2's readout (Oquab et
        al., arXiv 2304.07193, section 7.1).

        It tells objects and grounds, so Fréchet distances between sets of pictures are taken in it.
        """
        tokens = self._tokens(images)
        return np.asarray(torch.cat([tokens[:, 0], tokens[:, self.first_patch :].mean(dim=1)], dim=-1))
