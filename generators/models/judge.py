"""Zero-shot recognition of classes with a CLIP-like model."""

from __future__ import annotations

import numpy as np
import torch

from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture


class ZeroShotJudge:
    """Probabilities of texts for images by a CLIP-, Siglip-, Siglip2- or VisionTextDualEncoderModel."""

    def __init__(self, models: Models, *, role: str = "zero_shot", batch: int = 1) -> None:
        self.features = ImageTextFeatures(models, role=role, batch=batch)
        self.entry = models.pack.entry(role)
        self.vocabulary = self.entry.vocabulary

    def knows(self, class_name: str) -> bool:
        """Return whether the judge can be asked about ``class_name``: any name for an open vocabulary."""
        return not self.vocabulary or class_name in self.vocabulary

    def class_prompts(self, class_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the judge's prompt for each class."""
        return self.entry.class_prompts(class_names)

    def probabilities(self, images: list[Picture], texts: tuple[str, ...]) -> Picture:
        """Return the softmax over ``texts`` for each image (uint8 [H, W, 3] RGB): float32 [images, texts].

        SigLIP's bias is the same for all texts, so it drops out.
        """
        seen = self.features.images(images)
        # Not before the pictures are asked about: other jobs go on meanwhile, which may need gradients.
        with torch.inference_mode():
            logits = self.features.scale * seen @ self.features.texts(texts).T
            return np.asarray(logits.softmax(dim=-1).cpu())
