"""The safety checker of Stable Diffusion as a judge of its own: pipelines that hold it blank pictures, which then look
like failures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

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
    def unsafe(self, image: Picture) -> bool:
        """Return whether it would blank a picture, uint8 [H, W, 3] RGB, which stays as it is."""
        model: Any = self.models.get(self.role)
        pixels = load_processor(self.models, self.role)(images=[image], return_tensors="pt").pixel_values
        pixels = pixels.to(self.models.device, next(model.parameters()).dtype)
        _, flags = model(images=[np.array(image)], clip_input=pixels)
        return bool(flags[0])
