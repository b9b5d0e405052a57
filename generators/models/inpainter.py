"""Inpainting through the pack's stock diffusers pipeline, of any family, at its native size."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from editmill.generators.models.guided_steps import Shift, guided_steps
from editmill.generators.models.inpaint_pipelines import (
    decodes_shifted,
    executed_steps,
    guidance_arguments,
    guided_twice,
    native_side,
    size_multiple,
    takes_several,
)
from editmill.generators.models.latents import PATCH, decode, unpacked
from editmill.generators.models.loading import Models
from editmill.generators.models.together import ask
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.errors import ModelError
from editmill.manifests.stages import stage

# How much of a hole's surroundings is shown on each side, as a share of the longer side of its box.
CONTEXT = 0.5


class Guidance(Protocol):
    """What guides a picture while it is generated."""

    def shift(self, width: int, height: int, others: Sequence[Any] = ()) -> Shift:
        """Return the shift of latents that decode to (width, height): of this picture and those that ``others``, of the
        same kind, guide.
        """


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
        guidance: Of the clean latents; None for none.
    """

    image: Picture
    hole: Mask
    prompt: str
    seed: int
    strength: float = 1.0
    guidance: Guidance | None = None


@dataclass(frozen=True)
class _Frame:
    """A request as the pipeline reads it: picture float32 [1, 3, H, W] and hole [1, 1, H, W], both in [0, 1]."""

    request: InpaintRequest
    image: torch.Tensor
    hole: torch.Tensor


def native_size(width: int, height: int, *, side: int, multiple: int) -> tuple[int, int]:
    """Return (width, height) with the frame's aspect and about ``side`` squared pixels, each a multiple of
    ``multiple``.
    """
    scale = side / (width * height) ** 0.5
    native_width, native_height = (
        max(multiple, round(length * scale / multiple) * multiple) for length in (width, height)
    )
    return native_width, native_height


def crop_window(hole: Mask, *, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of a frame to fill its hole in: a square around the hole's box, as far as the frame
    reaches, with ``CONTEXT`` of its longer side on each side and at least ``side`` pixels wide.

    What a model draws there is shrunk and enlarged less than in the whole frame; a small hole's not at all.
    """
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    longer = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
    wanted = max(side, round(longer * (1 + 2 * CONTEXT)))
    return _around(rows, wanted, hole.shape[0]), _around(columns, wanted, hole.shape[1])


def _around(places: Feature, wanted: int, length: int) -> slice:
    start = (int(places[0]) + int(places[-1]) + 1 - wanted) // 2
    start = max(0, min(start, length - wanted))
    return slice(start, min(start + wanted, length))


def without_hole(image: Feature, hole: Mask) -> Feature:
    """Return a picture float [H, W, 3] in [0, 1] that shows the colours of the hole's rim in the hole; grey without a
    rim.

    Many pipelines encode the whole picture, or are shown it beside the noise, and would draw what the hole held.
    """
    if hole.all():
        return np.full_like(image, 0.5)
    rows, columns = distance_transform_edt(hole, return_distances=False, return_indices=True)
    return np.asarray(image[rows, columns])


class Inpainter:
    """Fills holes with the role ``inpaint``, a stock inpainting pipeline of diffusers: Stable Diffusion (1, 2, XL, 3,
    3.5), with or without a ControlNet, FLUX.1 Fill, FLUX.2 klein, Qwen-Image or Z-Image.

    The noise of every picture is from its own CPU generator. Pictures that jobs ask for side by side share a call of
    the pipeline; kernels may sum in another order for another number, so how many may is part of a build's identity.

    Raises:
        ModelError: Neither the pack nor the checkpoint names a native size.
    """

    def __init__(self, models: Models, *, steps: int, guidance: float) -> None:
        self.pipeline: Any = models.get("inpaint")
        self.steps, self.guidance = steps, guidance
        entry = models.pack.entry("inpaint")
        self.control = entry.control
        self.accepted = frozenset(inspect.signature(self.pipeline.__call__).parameters)
        self.side, self.multiple = entry.side or native_side(self.pipeline), size_multiple(self.pipeline)
        # What changes removals beside the weights.
        self.identity: dict[str, Any] = {
            "steps": steps,
            "guidance": guidance,
            "side": self.side,
            "context": CONTEXT,
        }
        if not self.side:
            raise ModelError(
                f"the checkpoint of 'inpaint' in pack {models.pack.name!r} names no native size",
                where=str(models.folder("inpaint")),
                fix="set roles.inpaint.side in the pack's file to the side in pixels that it was trained on",
            )

    def cost(self, *, strength: float = 1.0) -> int:
        """Return the network evaluations per picture."""
        return executed_steps(self.pipeline, self.steps, strength) * (1 + guided_twice(self.pipeline, self.guidance))

    def fill(self, request: InpaintRequest) -> Picture:
        """Return the whole frame, uint8 [H, W, 3] RGB, with the hole filled.

        Pixels around the hole are the model's too, so composite afterwards.

        Raises:
            ValueError: The model gave a picture that is not finite.
            ModelError: Guidance is asked of a pipeline whose scheduler it does not know.
        """
        height, width = request.hole.shape
        # Guidance measures the whole frame.
        if request.guidance is not None or height * width <= self.side**2:
            return self._generate(request)
        window = crop_window(request.hole, side=self.side)
        frame = request.image.copy()
        frame[window] = self._generate(replace(request, image=request.image[window], hole=request.hole[window]))
        return frame

    def _generate(self, request: InpaintRequest) -> Picture:
        """Return a whole frame of the model's, generated at its native size."""
        height, width = request.hole.shape
        native = native_size(width, height, side=self.side, multiple=self.multiple)
        shown = cv2.resize(request.image, native, interpolation=cv2.INTER_AREA) / 255
        missing = cv2.resize(request.hole.astype(np.float32), native, interpolation=cv2.INTER_AREA) > 0.5
        # Below full strength the pipeline starts from what the hole shows.
        image = _to_tensor(shown if request.strength < 1 else without_hole(shown, missing))
        # Of one size and schedule, and all guided or none.
        alike = native, request.strength, request.guidance is not None
        alone = () if takes_several(self.pipeline) else (request.seed,)
        result = ask(self._run, _Frame(request, image, _to_tensor(missing[..., None])), key=(*alike, *alone))
        if not np.isfinite(result).all():
            raise ValueError(
                "the inpainting model gave a picture with values that are not finite; float32 or bfloat16 may help"
            )
        frame = cv2.resize(result.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        return np.rint(frame.clip(0, 1) * 255).astype(np.uint8)

    @stage("networks")
    def _run(self, frames: Sequence[_Frame]) -> list[Feature]:
        """Call the pipeline with frames of one size; returns float [H, W, 3] of each."""
        requests = [frame.request for frame in frames]
        image, hole = (torch.cat([getattr(frame, name) for frame in frames]) for name in ("image", "hole"))
        height, width = hole.shape[-2:]
        shift = self._shift([request.guidance for request in requests], width, height)
        # Guidance needs gradients inside of it, and weights that are moved about must not become tensors of inference.
        without = torch.inference_mode if shift is None and self.pipeline.device.type == "cpu" else torch.no_grad
        with without(), guided_steps(self.pipeline.scheduler, shift):
            result = self.pipeline(
                prompt=[request.prompt for request in requests],
                image=image,
                mask_image=hole,
                height=height,
                width=width,
                strength=requests[0].strength,
                num_inference_steps=self.steps,
                generator=[torch.Generator().manual_seed(request.seed) for request in requests],
                # As floats, in which values that are not finite still show.
                output_type="latent" if decodes_shifted(self.pipeline) else "np",
                **guidance_arguments(self.accepted, self.guidance),
                **self._control_image(image, hole),
            ).images
            if decodes_shifted(self.pipeline):
                result = (self.decode(result).permute(0, 2, 3, 1) / 2 + 0.5).cpu().numpy()
        return [np.asarray(one) for one in result]

    def _shift(self, guidances: Sequence[Guidance | None], width: int, height: int) -> Shift | None:
        first, *others = guidances
        if first is None:
            return None
        return unpacked(first.shift(width, height, others), width // (self.pipeline.vae_scale_factor * PATCH))

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
        return decode(self.pipeline.vae, latents)


def _to_tensor(image: Picture) -> torch.Tensor:
    """Convert [H, W, C] in [0, 1] to float32 [1, C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None]
