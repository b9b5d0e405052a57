"""Removal by LaMa (Suvorov et al., arXiv 2109.07161): the published TorchScript file, given by path in a pack's role
``removal``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from editmill.generators.models.inpainter import InpaintRequest
from editmill.generators.models.loading import Models
from editmill.generators.models.together import ask
from editmill.manifests.arrays import Picture
from editmill.manifests.stages import stage

ROLE = "removal"
# The network halves its input three times.
MULTIPLE = 8


class Lama:
    """Fills holes from their surroundings, without a prompt and without noise: one network evaluation at the picture's
    own size.
    """

    def __init__(self, models: Models) -> None:
        self.model: Any = models.get(ROLE)
        self.device = models.device
        self.identity = {"lama": models.digest(ROLE)}

    def cost(self) -> int:
        """Return the network evaluations per picture."""
        return 1

    def fill(self, request: InpaintRequest) -> Picture:
        """Generate the whole frame, uint8 [H, W, 3] RGB; prompt and seed play no part."""
        height, width = request.hole.shape
        bottom, right = -height % MULTIPLE, -width % MULTIPLE
        layers = np.dstack([request.image.astype(np.float32) / 255, request.hole.astype(np.float32)])
        padded = cv2.copyMakeBorder(layers, 0, bottom, 0, right, cv2.BORDER_REFLECT)
        tensor = torch.from_numpy(padded).permute(2, 0, 1)[None].to(self.device)
        result = ask(self._run, tensor, key=tensor.shape)
        frame = F.pad(result.float(), (0, -right, 0, -bottom)).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
        if not np.isfinite(frame).all():
            raise ValueError("LaMa gave a picture with values that are not finite")
        return np.rint(frame * 255).astype(np.uint8)

    @stage("networks")
    @torch.no_grad()
    def _run(self, layers: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Call the network with pictures and holes of one size, float32 [1, 4, H, W]; returns [3, H, W] of each."""
        # Colours side by side, as pictures lie in memory: kernels sum in another order for another layout.
        joined = torch.cat(list(layers)).contiguous(memory_format=torch.channels_last)
        return list(self.model(joined[:, :3] * (1 - joined[:, 3:]), joined[:, 3:]))
