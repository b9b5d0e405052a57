"""Candidates of the three conditionings of ImageNet-G (arXiv 2302.02503) through a pack's roles."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from editmill.generators.models.image_adapter import attach
from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import in_micro_batches
from editmill.generators.models.safety_checker import SafetyChecker
from editmill.generators.synthesis.settings import SynthesisSettings, role_of, roles_of
from editmill.manifests.arrays import Picture
from editmill.manifests.stages import stage

VARIATION_SIDE = 224
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Proposal:
    """A candidate to make.

    Attributes:
        conditioning: ``text``, ``image`` or ``image-text``.
        prompt: Empty for ``image``.
        seed: Of its own CPU generator.
        strength: Share of the noise schedule that runs, for ``image-text``.
        guidance: Classifier-free guidance scale.
        reference: The real picture, uint8 [H, W, 3] RGB; None for ``text``.
    """

    conditioning: str
    prompt: str
    seed: int
    strength: float
    guidance: float
    reference: Picture | None = None


@dataclass(frozen=True)
class Proposed:
    """A candidate.

    Attributes:
        image: Uint8 [H, W, 3] RGB; black where a value was not finite.
        cost: Network evaluations.
        finite: Whether all float pixels were.
        unsafe: What the pack's safety checker says; False without one.
    """

    image: Picture
    cost: int
    finite: bool = True
    unsafe: bool = False


class Proposer:
    """Makes candidates; each has noise of its own from a CPU generator, so that it does not depend on those beside it
    but by batched sums.
    """

    def __init__(self, settings: SynthesisSettings, models: Models) -> None:
        self.settings, self.models = settings, models
        self.checker = SafetyChecker(models) if "safety_checker" in models.pack.roles else None

    @property
    def steps(self) -> int:
        """Steps of the sampler."""
        return self.settings.steps or self.models.pack.steps

    def propose(self, proposals: Sequence[Proposal]) -> list[Proposed]:
        """Return candidates of one conditioning, strength and guidance, in micro-batches that are halved when memory
        runs out.
        """
        return in_micro_batches(proposals, self.settings.batch, self._render)

    def describe(self, conditioning: str) -> dict[str, Any]:
        """Return what a conditioning is made with, as JSON values."""
        pipeline = self._pipeline(conditioning)
        settings = self.settings.conditioning(conditioning)
        return {
            "role": role_of(conditioning, tuple(self.models.pack.roles)),
            "pipeline": type(pipeline).__name__,
            "scheduler": type(pipeline.scheduler).__name__,
            "steps": self.steps,
            "dtype": self.models.placement.precision,
            "rescale": settings.rescale if self._rescales(pipeline) else 0.0,
            "adapter_scale": settings.scale if self._adapted(conditioning) else 0.0,
        }

    def size(self, conditioning: str) -> tuple[int, int]:
        """Return (width, height) of the pictures."""
        pipeline = self._pipeline(conditioning)
        side = self.settings.size or int(pipeline.unet.config.sample_size) * int(pipeline.vae_scale_factor)
        return side, side

    def guidance(self, conditioning: str) -> float:
        """Return the guidance of the first round."""
        return self.settings.conditioning(conditioning).guidance or self.models.pack.guidance

    def _pipeline(self, conditioning: str) -> Any:
        return (
            self._adapting
            if self._adapted(conditioning)
            else self.models.get(role_of(conditioning, tuple(self.models.pack.roles)))
        )

    def _adapted(self, conditioning: str) -> bool:
        return len(roles_of(conditioning, tuple(self.models.pack.roles))) > 1

    @staticmethod
    def _rescales(pipeline: Any) -> bool:
        from diffusers import StableDiffusionPipeline

        return isinstance(pipeline, StableDiffusionPipeline)

    @cached_property
    def _adapting(self) -> Any:
        from diffusers import StableDiffusionPipeline

        components = self.models.get("text_to_image").components
        # A copy of the network: the adapter changes it, and others share it.
        # Copied within inference mode, weights would never have gradients.
        with torch.inference_mode(False):
            unet = deepcopy(components["unet"])
        parts = {**components, "unet": unet, "safety_checker": None}
        pipeline = StableDiffusionPipeline(**parts, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        return attach(pipeline, self.models.get("image_adapter"), scale=self.settings.conditioning("image").scale)

    @stage("networks")
    @torch.no_grad()
    def _render(self, proposals: Sequence[Proposal]) -> list[Proposed]:
        first = proposals[0]
        pipeline = self._pipeline(first.conditioning)
        # One per candidate, so that each can be made again alone.
        generators = [torch.Generator().manual_seed(one.seed) for one in proposals]
        arguments = {
            **self._arguments(pipeline, proposals),
            "num_inference_steps": self.steps,
            "guidance_scale": first.guidance,
        }
        pictures = pipeline(**arguments, generator=generators, output_type="np").images
        executed = (
            min(self.steps, int(self.steps * first.strength)) if first.conditioning == "image-text" else self.steps
        )
        cost = executed * (2 if first.guidance > 1 else 1)
        images = [_in_bytes(picture) for picture in pictures]
        unsafe = self.checker.unsafe(images) if self.checker is not None else [False] * len(images)
        return [
            Proposed(image, cost, bool(np.isfinite(picture).all()), flag)
            for image, picture, flag in zip(images, pictures, unsafe, strict=True)
        ]

    def _arguments(self, pipeline: Any, proposals: Sequence[Proposal]) -> dict[str, Any]:
        first = proposals[0]
        width, height = self.size(first.conditioning)
        rescale = (
            {"guidance_rescale": self.settings.conditioning(first.conditioning).rescale}
            if self._rescales(pipeline)
            else {}
        )
        references = [one.reference for one in proposals if one.reference is not None]
        prompts = [one.prompt for one in proposals]
        if first.conditioning == "image-text":
            # The publication's filter.
            pictures = [Image.fromarray(one).resize((width, height), Image.Resampling.LANCZOS) for one in references]
            return {"prompt": prompts, "image": pictures, "strength": first.strength, **rescale}
        sized = {"width": width, "height": height, **rescale}
        if first.conditioning == "text":
            return {"prompt": prompts, **sized}
        if self._adapted("image"):
            return {"prompt": prompts, "ip_adapter_image": [Image.fromarray(one) for one in references], **sized}
        dtype, device = next(pipeline.image_encoder.parameters()).dtype, self.models.device
        return {"image": torch.cat([variation_input(one) for one in references]).to(device, dtype), **sized}


def _in_bytes(picture: Picture) -> Picture:
    """Return a float picture [H, W, 3] in [0, 1] as uint8, black where a value is not finite."""
    return np.rint(np.nan_to_num(picture.astype(np.float32), nan=0.0).clip(0, 1) * 255).astype(np.uint8)


def variation_input(image: Picture) -> torch.Tensor:
    """Return uint8 [H, W, 3] RGB as sd-image-variations was trained on it: float32 [1, 3, 224, 224], bicubic without
    antialiasing, CLIP's normalisation.
    """
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    small = F.interpolate(
        pixels, (VARIATION_SIDE, VARIATION_SIDE), mode="bicubic", align_corners=False, antialias=False
    )
    mean, std = (torch.tensor(values)[None, :, None, None] for values in (CLIP_MEAN, CLIP_STD))
    return (small - mean) / std
