"""Regeneration by a diffusion model that sees the edges and the content of the picture: CtrlRegen and CtrlRegen+ (arXiv
2410.05470, section 4).

No detector is imported here, and no strength is searched: the grid is the recipe's.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from editmill.generators.models.image_adapter import attach
from editmill.generators.models.loading import Models, quiet
from editmill.generators.models.together import ask
from editmill.generators.watermark.codec import deliver
from editmill.generators.watermark.colour_transfer import match_colours
from editmill.generators.watermark.geometry import pad_to
from editmill.generators.watermark.ledger import Item, Ledger
from editmill.generators.watermark.schedule import (
    Start,
    describe_scheduler,
    find_start,
    make_scheduler,
    start_latents,
    strength_for,
)
from editmill.generators.watermark.settings import AttackSettings, WatermarkSettings
from editmill.manifests.arrays import Picture
from editmill.manifests.seeds import derive_seed
from editmill.manifests.stages import stage

COLOUR_METHOD = "hm-mkl-hm"


@dataclass(frozen=True)
class Regenerated:
    """An attacked picture, uint8 [H, W, 3] RGB, with what was realised and the network evaluations spent."""

    image: Picture
    facts: dict[str, Any] = field(default_factory=dict)
    cost: int = 0


class Regenerator:
    """Attacks the items of one ledger.

    The noise of every picture is from its own CPU generator; pictures that jobs ask for side by side share calls.
    """

    def __init__(self, settings: WatermarkSettings, models: Models, ledger: Ledger) -> None:
        self.settings, self.models, self.ledger = settings, models, ledger

    def regenerate(self, item: Item, attack: AttackSettings, seed: int) -> Regenerated:
        """Attack one item.

        Raises:
            Unusable: This run has no record of the item, or its picture was changed.
            ValueError: The model gave a picture that is not finite.
        """
        image = self.ledger.open(item)
        facts = self._unstarted(attack)
        for number in range(attack.passes):
            if attack.kind.denoises:
                image, start = self._denoise(image, attack, derive_seed(seed, "pass", str(number)))
                facts.update(self._realised(attack, start))
            elif attack.kind.regenerates:
                image = self._round_trip(image)
        return Regenerated(deliver(image, attack), facts, self.settings.cost(attack))

    def _unstarted(self, attack: AttackSettings) -> dict[str, Any]:
        """Return the facts of an attack that runs no diffusion; ``snr`` is null where nothing was noised."""
        runs, settings = attack.kind.denoises, self.settings
        return {
            "rung": attack.name,
            "start": attack.start,
            "requested": settings.executed(attack) / settings.steps_of(attack),
            "steps": settings.steps_of(attack) if runs else 0,
            "executed": 0,
            "timestep": -1,
            "sqrt_alpha_bar": 1.0,
            "snr": None,
            "scheduler": "",
            "scheduler_sha256": "",
            "spacing": "",
            "stochastic": False,
            "guidance": settings.guidance if runs else 0.0,
            "prompt": settings.prompt if runs else "",
            "negative_prompt": settings.negative_prompt if runs else "",
            "control_scale": attack.control if runs else 0.0,
            "canny": list(settings.canny) if runs else [],
            "adapter_scale": attack.adapter if runs else 0.0,
            "colour_match": COLOUR_METHOD if runs and attack.colour_match else "",
            "passes": attack.passes,
            "codec": attack.codec,
            "quality": attack.quality,
            "dtype": self.models.placement.precision,
        }

    def _realised(self, attack: AttackSettings, start: Start) -> dict[str, Any]:
        return {
            "executed": start.executed,
            "timestep": start.timestep,
            "sqrt_alpha_bar": start.sqrt_alpha_bar,
            "snr": start.snr,
            **describe_scheduler(self._scheduler(attack), self.settings),
        }

    @cached_property
    def _pipeline(self) -> Any:
        from diffusers import StableDiffusionControlNetImg2ImgPipeline

        components = self.models.get("text_to_image").components
        # A copy of the network: the adapter changes it, and others share it.
        parts = {**components, "unet": deepcopy(components["unet"]), "safety_checker": None}
        controlnet, adapter = self.models.get("controlnet"), self.models.get("image_adapter")
        with quiet():
            pipeline = StableDiffusionControlNetImg2ImgPipeline(
                **parts, controlnet=controlnet, requires_safety_checker=False
            )
            pipeline.set_progress_bar_config(disable=True)
            return attach(pipeline, adapter)

    @cached_property
    def _vae(self) -> Any:
        """That of the diffusion, so that the round trip is what it starts from.

        Packs without one have the role ``autoencoder``.
        """
        return (
            self.models.get("text_to_image").vae
            if "text_to_image" in self.models.pack.roles
            else self.models.get("autoencoder")
        )

    def _scheduler(self, attack: AttackSettings) -> Any:
        config = self.models.get("text_to_image").scheduler.config
        return make_scheduler(config, sampler=self.settings.sampler, spacing=attack.spacing or self.settings.spacing)

    def _round_trip(self, image: Picture) -> Picture:
        """Return the picture through the autoencoder alone, by the mode of its posterior."""
        padded = pad_to(image, _stride(self._vae))
        return _cut(_to_uint8(ask(self._decoded, padded, key=padded.shape)), image)

    @stage("networks")
    @torch.no_grad()
    def _decoded(self, images: Sequence[Picture]) -> list[Picture]:
        """Return what the autoencoder makes of pictures of one size, float [H, W, 3] in about [0, 1]."""
        latents = self._vae.encode(self._tensor(images)).latent_dist.mode()
        decoded = self._vae.decode(latents, return_dict=False)[0].float().cpu()
        return [(one.permute(1, 2, 0) / 2 + 0.5).numpy() for one in decoded]

    def _denoise(self, image: Picture, attack: AttackSettings, seed: int) -> tuple[Picture, Start]:
        pipeline = self._pipeline
        padded = pad_to(image, _stride(pipeline.vae) * 2 ** (len(pipeline.unet.config.block_out_channels) - 1))
        result, start = ask(self._denoised, (padded, attack, seed), key=(attack.name, padded.shape))
        if not np.isfinite(result).all():
            what = "the diffusion model gave a picture with values that are not finite"
            raise ValueError(f"{what}; float32 or bfloat16 may help")
        made = _cut(_to_uint8(result), image)
        return (match_colours(made, image) if attack.colour_match else made), start

    @stage("networks")
    @torch.no_grad()
    def _denoised(self, asked: Sequence[tuple[Picture, AttackSettings, int]]) -> list[tuple[Picture, Start]]:
        """Regenerate padded pictures of one size by one attack, each with its seed; float [H, W, 3] in [0, 1]."""
        images, seeds = [image for image, _, _ in asked], [seed for _, _, seed in asked]
        attack, (height, width) = asked[0][1], images[0].shape[:2]
        pipeline, settings, steps = self._pipeline, self.settings, self.settings.steps_of(attack)
        # A new one for every call: schedulers keep state, and rungs differ in spacing.
        pipeline.scheduler = self._scheduler(attack)
        start = find_start(pipeline.scheduler, attack, settings)
        latents = pipeline.vae.encode(self._tensor(images)).latent_dist.mode() * pipeline.vae.config.scaling_factor
        # Drawn on the CPU, so that every device gets the same noise.
        shape = (1, *latents.shape[1:])
        noise = torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        pipeline.set_ip_adapter_scale(attack.adapter)
        edges = [cv2.Canny(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), *settings.canny) for image in images]
        result = pipeline(
            prompt=[settings.prompt] * len(images),
            negative_prompt=[settings.negative_prompt] * len(images) if settings.guided else None,
            # Latents of four channels are taken as they are; a picture would be encoded with a draw from the posterior.
            image=latents,
            control_image=[Image.fromarray(np.repeat(one[..., None], 3, axis=2)) for one in edges],
            ip_adapter_image=images,
            height=height,
            width=width,
            strength=strength_for(start.executed, steps),
            num_inference_steps=steps,
            guidance_scale=settings.guidance,
            controlnet_conditioning_scale=float(attack.control),
            # Given these, the pipeline does not noise the picture itself, which keeps a part of it even at strength 1.
            latents=start_latents(pipeline.scheduler, attack, latents, noise.to(latents), start),
            # Apart from the start's noise, which then is the same for every sampler.
            generator=[torch.Generator().manual_seed(derive_seed(seed, "sampler", "")) for seed in seeds],
            output_type="np",
        ).images
        return [(one, start) for one in result]

    def _tensor(self, images: Sequence[Picture]) -> torch.Tensor:
        """Turn uint8 [H, W, 3] into [n, 3, H, W] in [-1, 1], where and as the autoencoder wants it."""
        # Plane by plane: kernels sum in another order for another layout.
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        return pixels.to(self.models.device, self._vae.dtype)


def _stride(vae: Any) -> int:
    """Return the number of pixels per latent along a side."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))


def _to_uint8(image: Picture) -> Picture:
    """Turn float [H, W, 3] in about [0, 1] into uint8."""
    return np.rint(image.astype(np.float32).clip(0, 1) * 255).astype(np.uint8)


def _cut(image: Picture, original: Picture) -> Picture:
    """Cut off what padding added to ``original``."""
    return np.ascontiguousarray(image[: original.shape[0], : original.shape[1]])
