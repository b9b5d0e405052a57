"""Zero-shot recognition of classes with a CLIP-like model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from generators.models.loading import Models
from generators.models.preprocessing import load_processor, load_tokenizer

Array = np.ndarray


class ZeroShotJudge:
    """Probabilities of texts for images by a CLIPModel, a SiglipModel or a VisionTextDualEncoderModel."""

    def __init__(self, models: Models, *, role: str = "zero_shot") -> None:
        self.model: Any = models.get(role)
        self.device = models.device
        self.processor, self.tokenizer = load_processor(models, role), load_tokenizer(models, role)
        self.entry = models.pack.entry(role)
        self.vocabulary = self.entry.vocabulary
        self._texts: dict[tuple[str, ...], torch.Tensor] = {}

    def knows(self, class_name: str) -> bool:
        """Whether the judge can be asked about ``class_name``: any name for an open vocabulary."""
        return not self.vocabulary or class_name in self.vocabulary

    def class_prompts(self, class_names: tuple[str, ...]) -> tuple[str, ...]:
        """The judge's prompt for each class."""
        return self.entry.class_prompts(class_names)

    @torch.inference_mode()
    def probabilities(self, images: list[Array], texts: tuple[str, ...]) -> Array:
        """Softmax over ``texts`` for each image (uint8 [H, W, 3] RGB): float32 [images, texts].

        SigLIP's bias is the same for all texts, so it drops out.
        """
        if texts not in self._texts:
            self._texts[texts] = _normalise(self.model.get_text_features(**self._tokens(texts)))
        pixels = self.processor(images=images, return_tensors="pt").pixel_values.to(self.device, self.model.dtype)
        features = torch.cat([_normalise(self.model.get_image_features(pixel_values=one[None])) for one in pixels])
        logits = self.model.logit_scale.exp() * features @ self._texts[texts].T
        return np.asarray(logits.float().softmax(dim=-1).cpu())

    def _tokens(self, texts: tuple[str, ...]) -> Any:
        config = self.model.config
        # Some tokenizers give no length of their own; the text tower's positions bound it.
        length = min(self.tokenizer.model_max_length, config.text_config.max_position_embeddings)
        tokens = self.tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt").to(self.device)
        # SigLIP reads the last position, padding or not, and was trained without a mask.
        return {"input_ids": tokens.input_ids} if config.model_type == "siglip" else tokens


def _normalise(features: Any) -> torch.Tensor:
    tensor = features if isinstance(features, torch.Tensor) else features.pooler_output
    return tensor / tensor.norm(dim=-1, keepdim=True)
