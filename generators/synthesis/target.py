"""The classifier under test, with the probabilities of all its classes."""

from __future__ import annotations

from torch import Tensor

from generators.models.surrogate import Surrogate


class Target(Surrogate):
    """A classifier of the pack that latents are ascended against."""

    def log_probabilities(self, picture: Tensor) -> Tensor:
        """log p of every class for pictures float32 [n, 3, H, W] in [-1, 1]: float32 [n, classes]; gradients flow through to ``picture``."""
        pixels = self._pixels(picture).to(next(self.model.parameters()).dtype)
        output = self.model(pixels) if self.published else self.model(pixel_values=pixels).logits
        return output.float().log_softmax(dim=-1)
