"""Inpainting through the pack's stock diffusers pipeline at its native size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from generators.models.loading import Models

Array = np.ndarray


@dataclass(frozen=True)
class InpaintRequest:
    """One picture to fill: ``image`` uint8 [H, W, 3] RGB, ``hole`` bool [H, W], a prompt and a seed."""

    image: Array
    hole: Array
    prompt: str
    seed: int


def native_size(width: int, height: int, *, side: int, multiple: int) -> tuple[int, int]:
    """(width, height) with the frame's aspect and about ``side`` squared pixels, each a multiple of ``multiple``."""
    scale = side / (width * height) ** 0.5
    native_width, native_height = (max(multiple, round(length * scale / multiple) * multiple) for length in (width, height))
    return native_width, native_height


class Inpainter:
    """Fills holes with the role ``inpaint``.

    Every picture is rendered in a pipeline call of its own, with noise from its own CPU generator: kernels may sum in another order for
    another batch size, and then equal plans would not give equal bytes.
    """

    def __init__(self, models: Models, *, steps: int, guidance: float) -> None:
        self.pipeline: Any = models.get("inpaint")
        self.steps, self.guidance = steps, guidance
        unet = self.pipeline.unet.config
        factor = self.pipeline.vae_scale_factor
        self.side = int(unet.sample_size) * factor
        self.multiple = factor * 2 ** (len(unet.block_out_channels) - 1)

    @property
    def cost(self) -> int:
        """Network evaluations per picture."""
        return self.steps * (2 if self.guidance > 1 else 1)

    def fill(self, request: InpaintRequest) -> Array:
        """Generate the whole frame, uint8 [H, W, 3] RGB; pixels outside the hole are the model's too, so composite afterwards.

        Strength 1.0 starts from pure noise: any lower value would leave source latents in the hole.
        """
        height, width = request.hole.shape
        native = native_size(width, height, side=self.side, multiple=self.multiple)
        image = cv2.resize(request.image, native, interpolation=cv2.INTER_AREA)
        hole = cv2.resize(request.hole.astype(np.float32), native, interpolation=cv2.INTER_AREA) > 0.5
        with torch.inference_mode():
            result = self.pipeline(
                prompt=request.prompt, image=_to_tensor(image / 255), mask_image=_to_tensor(hole[..., None]),
                height=native[1], width=native[0], strength=1.0, num_inference_steps=self.steps, guidance_scale=self.guidance,
                generator=torch.Generator().manual_seed(request.seed), output_type="np",
            ).images[0]
        frame = cv2.resize(result.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        return np.rint(frame.clip(0, 1) * 255).astype(np.uint8)


def _to_tensor(image: Array) -> torch.Tensor:
    """[H, W, C] in [0, 1] to float32 [1, C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None]
