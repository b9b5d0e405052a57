"""Inpainting through the pack's stock diffusers pipeline, of any family, at its native size."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from editmill.generators.models.guided_steps import Shift, guided_steps
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Mask, Picture

# Makes the guidance of one picture for latents that decode to (width, height).
MakeShift = Callable[[int, int], Shift]


@dataclass(frozen=True)
class InpaintRequest:
    """One picture to fill.

    Attributes:
        image: Uint8 [H, W, 3] RGB.
        hole: Bool [H, W].
        prompt: What to fill it with.
        seed: Of the noise.
        strength: How much of the noise schedule runs, in (0, 1]. 1 starts from pure noise; any lower value leaves what
            the hole showed before in the noisy latents.
        shift: Guidance; None for none.
    """

    image: Picture
    hole: Mask
    prompt: str
    seed: int
    strength: float = 1.0
    shift: MakeShift | None = None


def native_size(width: int, height: int, *, side: int, multiple: int) -> tuple[int, int]:
    """Return (width, height) with the frame's aspect and about ``side`` squared pixels, each a multiple of
    ``multiple``.
    """
    scale = side / (width * height) ** 0.5
    native_width, native_height = (
        max(multiple, round(length * scale / multiple) * multiple) for length in (width, height)
    )
    return native_width, native_height


class Inpainter:
    """Fills holes with the role ``inpaint``: a Stable Diffusion (1, 2, XL, 3) inpainting pipeline, with or without a
    ControlNet.

    Every picture is rendered in a pipeline call of its own, with noise from its own CPU generator: kernels may sum in
    another order for another batch size, and then equal plans would not give equal bytes.
    """

    def __init__(self, models: Models, *, steps: int, guidance: float) -> None:
        self.pipeline: Any = models.get("inpaint")
        self.steps, self.guidance = steps, guidance
        # What changes removals beside the weights.
        self.identity: dict[str, Any] = {"steps": steps, "guidance": guidance}
        self.matched = True
        self.control = models.pack.entry("inpaint").control
        self.accepted = frozenset(inspect.signature(self.pipeline.__call__).parameters)
        network = getattr(self.pipeline, "unet", None) or self.pipeline.transformer
        factor = self.pipeline.vae_scale_factor
        self.side = int(network.config.sample_size) * factor
        # Transformers have no levels, but join latents in patches of two by two.
        levels = len(network.config.block_out_channels) - 1 if hasattr(network.config, "block_out_channels") else 1
        # Some pipelines refuse sides that are not multiples of 8, whatever their networks need.
        self.multiple = max(8, factor * 2**levels)

    def cost(self, *, strength: float = 1.0) -> int:
        """Return the network evaluations per picture."""
        # As diffusers cuts its schedule.
        executed = min(self.steps, int(self.steps * strength))
        return executed * (2 if self.guidance > 1 else 1)

    def fill(self, request: InpaintRequest) -> Picture:
        """Generate the whole frame, uint8 [H, W, 3] RGB.

        Pixels outside the hole are the model's too, so composite afterwards.

        Raises:
            ValueError: The model gave a picture that is not finite.
            ModelError: Guidance is asked of a pipeline whose scheduler it does not know.
        """
        height, width = request.hole.shape
        native = native_size(width, height, side=self.side, multiple=self.multiple)
        image = _to_tensor(cv2.resize(request.image, native, interpolation=cv2.INTER_AREA) / 255)
        hole = _to_tensor(
            (cv2.resize(request.hole.astype(np.float32), native, interpolation=cv2.INTER_AREA) > 0.5)[..., None]
        )
        shift = request.shift(*native) if request.shift else None
        # Not inference mode: guidance needs gradients inside of it.
        with torch.no_grad(), guided_steps(self.pipeline.scheduler, shift):
            result = self.pipeline(
                prompt=request.prompt,
                image=image,
                mask_image=hole,
                height=native[1],
                width=native[0],
                strength=request.strength,
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                generator=torch.Generator().manual_seed(request.seed),
                # As floats, in which values that are not finite still show.
                output_type="np",
                **self._control_image(image, hole),
            ).images[0]
        if not np.isfinite(result).all():
            raise ValueError(
                "the inpainting model gave a picture with values that are not finite; float32 or bfloat16 may help"
            )
        frame = cv2.resize(result.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        return np.rint(frame.clip(0, 1) * 255).astype(np.uint8)

    def _control_image(self, image: torch.Tensor, hole: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what a ControlNet for inpainting reads: the hole itself, or the picture with -1 in the hole."""
        if "control_image" not in self.accepted:
            return {}
        return {
            "control_image": hole.expand(-1, 3, -1, -1)
            if self.control == "hole"
            else torch.where(hole > 0.5, -1.0, image)
        }

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode scaled latents float [n, c, h, w] to pictures float [n, 3, H, W] in about [-1, 1]; differentiable."""
        vae = self.pipeline.vae
        # Only newer autoencoders, such as that of SD3, shift their latents.
        latents = latents / vae.config.scaling_factor + (getattr(vae.config, "shift_factor", None) or 0.0)
        decoded: torch.Tensor = vae.decode(latents.to(vae.dtype), return_dict=False)[0].float()
        return decoded


def _to_tensor(image: Picture) -> torch.Tensor:
    """Convert [H, W, C] in [0, 1] to float32 [1, C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None]
