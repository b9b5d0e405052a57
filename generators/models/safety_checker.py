"""The safety checker of Stable Diffusion as a judge of its own: pipelines that hold it blank pictures, which then look
like failures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from editmill.generators.models.fixed_batches import fitting_rows
from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor
from editmill.manifests.arrays import Picture


class SafetyChecker:
    """The role ``safety_checker``: a ``diffusers.pipelines.stable_diffusion.StableDiffusionSafetyChecker`` with its
    image processor.
    """

    def __init__(self, models: Models, *, role: str = "safety_checker") -> None:
        self.models, self.role = models, role

    @torch.inference_mode()
    def unsafe(self, images: Sequence[Picture]) -> list[bool]:
        """Return whether it would blank each of several pictures of any sizes, uint8 [H, W, 3] RGB, which stay as they
        are.
        """
        model: Any = self.models.get(self.role)
        pixels = load_processor(self.models, self.role)(images=list(images), return_tensors="pt").pixel_values

        def run(rows: torch.Tensor) -> tuple[torch.Tensor]:
            # It blanks the pictures that it is handed beside those that it looks at.
            _, flags = model(images=[np.zeros(1) for _ in rows], clip_input=rows)
            return (torch.tensor(flags),)

        given = pixels.to(self.models.device, next(model.parameters()).dtype)
        return list(map(bool, fitting_rows(run, len(images), given)[0]))
