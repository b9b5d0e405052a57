"""Backgrounds generated anew around an object: by latent inpainting, or by guided pixel diffusion as published."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from editmill.generators.attribute.faithful import BlendedDiffusion
from editmill.generators.attribute.latent_guidance import Attack, LatentGuidance
from editmill.generators.attribute.placing import Placed
from editmill.generators.attribute.settings import RenderSettings
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.loading import Models
from editmill.generators.models.surrogate import Surrogate
from editmill.manifests.arrays import Picture

# The publication's one seed for all pictures.
SHARED_SEED = 404


@dataclass(frozen=True)
class Regenerated:
    """A background, uint8 [H, W, 3] RGB, what it cost in network evaluations, and facts for the sample's row."""

    image: Picture
    cost: int
    facts: dict[str, Any] = field(default_factory=dict)


class Regenerator(Protocol):
    """Edits backgrounds."""

    @property
    def surrogate(self) -> Surrogate:
        """The classifier of adversarial backgrounds."""

    def regenerate(
        self, background: Picture, placed: Placed, *, level: float, seed: int, target: int | None = None
    ) -> Regenerated:
        """Noise ``background`` (uint8 [H, W, 3] RGB) in part and denoise it around the placed object.

        Args:
            background: Where to start from.
            placed: The object.
            level: Below zero simpler, above busier, 0 as the model sees it.
            seed: Of the noise.
            target: The surrogate's index of the class that it shall no longer see; None for no adversary.
        """


class LatentRegenerator:
    """Modern mode: the pack's inpainting pipeline on the whole frame from part of its noise schedule, guided by what
    its latents decode to.
    """

    def __init__(self, inpainter: Inpainter, models: Models, *, settings: RenderSettings) -> None:
        self.inpainter, self.models, self.settings = inpainter, models, settings

    @cached_property
    def surrogate(self) -> Surrogate:
        """The classifier of adversarial backgrounds; it loads when first used."""
        return Surrogate(self.models, self.settings.surrogate)

    def regenerate(
        self, background: Picture, placed: Placed, *, level: float, seed: int, target: int | None = None
    ) -> Regenerated:
        settings = self.settings
        attack = None if target is None else Attack(self.surrogate, target)
        guidance = LatentGuidance(
            self.inpainter,
            placed.reference,
            placed.alpha,
            level,
            settings.complexity_step,
            attack=attack,
            attack_step=settings.attack_step,
        )
        # The model is not shown the object: it would draw a rim of the object's colours around it, which no mask takes
        # back.
        whole = np.ones(placed.alpha.shape, bool)
        image = self.inpainter.fill(
            InpaintRequest(
                background,
                whole,
                self.models.pack.removal_prompt,
                seed,
                settings.strength,
                # Guidance decodes at every step, which costs more than the step itself.
                guidance if level or attack else None,
            )
        )
        return Regenerated(image, self.inpainter.cost(strength=settings.strength), {"strength": settings.strength})


class PixelRegenerator:
    """Faithful mode: blended pixel diffusion under the publication's guidance."""

    def __init__(self, diffusion: BlendedDiffusion) -> None:
        self.diffusion = diffusion

    @property
    def surrogate(self) -> Surrogate:
        return self.diffusion.surrogate

    def regenerate(
        self, background: Picture, placed: Placed, *, level: float, seed: int, target: int | None = None
    ) -> Regenerated:
        seed = SHARED_SEED if "shared-seed" in self.diffusion.settings.compat else seed
        keep = np.asarray(placed.alpha > 127)
        blended = self.diffusion.edit(background, placed.reference, keep, weight=level, seed=seed, target=target)
        return Regenerated(
            blended.image, blended.evaluations, {"first_t": blended.first_t, "steps": self.diffusion.settings.executed}
        )
