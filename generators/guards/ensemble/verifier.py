"""Held-out classifiers, whose opinion is stored beside the guards' scores and never binds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.models.fixed_batches import in_fixed_batches
from editmill.generators.models.loading import Models
from editmill.generators.models.surrogate import Surrogate


class Verifier(Surrogate):
    """Opinions on whole frames: ``verifier_ROLE_probability`` of the label, ``_agrees`` (1 where it comes first),
    ``_confidence`` of what does.

    A class that the classifier does not know has none.
    """

    def __init__(self, models: Models, role: str, *, batch: int = 8) -> None:
        super().__init__(models, role)
        self.batch = batch

    @property
    def score_names(self) -> tuple[str, ...]:
        """Every score that it may give."""
        return tuple(f"verifier_{self.role}_{name}" for name in ("probability", "agrees", "confidence"))

    @torch.inference_mode()
    def scores(self, shown: Sequence[Shown]) -> list[dict[str, float]]:
        """Return scores of candidates, one dictionary each."""
        found: list[dict[str, float]] = [{} for _ in shown]
        indices = [self.index(one.label, one.class_name) for one in shown]
        asked = [number for number, index in enumerate(indices) if index is not None]
        if not asked:
            return found
        # Each frame on its own, since their sizes may differ.
        pixels = torch.cat([self._frame(shown[number]) for number in asked])
        chances = in_fixed_batches(pixels, self.batch, self._log_chances).cpu()
        for number, row in zip(asked, chances, strict=True):
            index = indices[number]
            values = float(row[index].exp()), float(int(row.argmax()) == index), float(row.max().exp())
            found[number] = dict(zip(self.score_names, values, strict=True))
        return found

    def _frame(self, one: Shown) -> Tensor:
        image = torch.from_numpy(np.array(one.image)).permute(2, 0, 1)[None].to(self.device)
        return self._pixels(image / 127.5 - 1).to(next(self.model.parameters()).dtype)

    def _log_chances(self, pixels: Tensor) -> Tensor:
        output = self.model(pixels) if self.published else self.model(pixel_values=pixels).logits
        return output.float().log_softmax(dim=-1)
