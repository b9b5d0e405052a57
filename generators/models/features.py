"""Features of pictures and texts in one space, by a CLIP-like model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from editmill.generators.models.fixed_batches import fitting_rows
from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor, load_tokenizer
from editmill.generators.models.together import ask_each
from editmill.manifests.arrays import Picture
from editmill.manifests.stages import stage

TEXT_BATCH = 16
# Texts whose features are remembered.
CAPACITY = 50_000


class ImageTextFeatures:
    """Normalised features by a CLIPModel, a SiglipModel, a Siglip2Model or a VisionTextDualEncoderModel.

    Features of a picture or a text do not depend on those beside it; texts are remembered.
    """

    def __init__(self, models: Models, *, role: str = "zero_shot", batch: int = 1) -> None:
        """Set up.

        Args:
            models: The models.
            role: The model's role.
            batch: Pictures per forward pass; passes are filled up, so another number gives other bits.
        """
        self.model: Any = models.get(role)
        self.device, self.batch = models.device, batch
        self.processor, self.tokenizer = load_processor(models, role), load_tokenizer(models, role)
        self._texts: dict[str, torch.Tensor] = {}

    @property
    def scale(self) -> float:
        """By what the model multiplies cosines before its softmax or sigmoid."""
        return float(self.model.logit_scale.exp())

    def images(self, images: list[Picture]) -> torch.Tensor:
        """Return features of pictures (uint8 [H, W, 3] RGB, any sizes): float32 [images, features]."""
        if not images:
            return torch.zeros(0)
        return torch.stack(ask_each(self._see, images))

    @stage("networks")
    @torch.inference_mode()
    def _see(self, images: Sequence[Picture]) -> list[torch.Tensor]:
        """Return the feature of each picture, float32 [features]."""
        # A decoded picture may be read-only, which torch warns of.
        shown = [self.processor(images=np.require(image, requirements="W"), return_tensors="pt") for image in images]
        # Beside the pixels, SigLIP 2 is told which patches a picture has.
        names = list(shown[0])
        inputs = [torch.cat([one[name] for one in shown]).to(self.device) for name in names]

        def run(*batch: torch.Tensor) -> tuple[torch.Tensor]:
            given = dict(zip(names, batch, strict=True))
            given["pixel_values"] = given["pixel_values"].to(self.model.dtype)
            return (_normalise(self.model.get_image_features(**given)),)

        return list(fitting_rows(run, self.batch, *inputs)[0])

    @stage("networks")
    @torch.inference_mode()
    def texts(self, texts: tuple[str, ...]) -> torch.Tensor:
        """Return features of texts: float32 [texts, features]; texts beyond the model's length are cut."""
        if len(self._texts) > CAPACITY:
            self._texts.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if new:
            tokens = self._tokens(new)

            def run(*rows: torch.Tensor) -> tuple[torch.Tensor]:
                return (_normalise(self.model.get_text_features(**dict(zip(tokens, rows, strict=True)))),)

            self._texts.update(zip(new, fitting_rows(run, TEXT_BATCH, *tokens.values())[0], strict=True))
        return torch.stack([self._texts[text] for text in texts])

    def _tokens(self, texts: list[str]) -> Any:
        config = self.model.config
        # Some tokenizers give no length of their own; the text tower's positions bound it.
        length = min(self.tokenizer.model_max_length, config.text_config.max_position_embeddings)
        # SigLIP was trained on small letters, which the tokenizer of its second version does not make of large ones.
        small = [text.lower() for text in texts] if config.model_type.startswith("siglip") else texts
        tokens = self.tokenizer(
            small, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).to(self.device)
        # SigLIP reads the last position, padding or not, and was trained without a mask.
        return {"input_ids": tokens.input_ids} if config.model_type.startswith("siglip") else tokens


def _normalise(features: Any) -> torch.Tensor:
    # Newer versions of transformers return an object here, older ones a tensor.
    tensor = (features if isinstance(features, torch.Tensor) else features.pooler_output).float()
    return tensor / tensor.norm(dim=-1, keepdim=True)
