"""What guides latent backgrounds: a busier or simpler background, and a classifier that no longer sees the label."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from editmill.generators.attribute.complexity import mid_band
from editmill.generators.models.guided_steps import Shift
from editmill.generators.models.inpainter import Inpainter
from editmill.generators.models.surrogate import Surrogate
from editmill.manifests.arrays import Mask, Picture

DECAY = 2
DISTANCE = 0.06


@dataclass(frozen=True)
class Attack:
    """A classifier and the class that it shall no longer see."""

    surrogate: Surrogate
    target: int


@dataclass(frozen=True)
class LatentGuidance:
    """Guidance of one picture.

    Attributes:
        inpainter: Whose autoencoder turns latents into pictures.
        foreground: Uint8 [H, W, 3] RGB, shown where ``alpha`` is set.
        alpha: Uint8 [H, W], the object.
        level: Below zero for a simpler background, above for a busier one; 1 moves the clean latents by ``step`` of
            their unit variance per step.
        step: Root mean square of a full move.
        attack: For adversarial backgrounds.
        attack_step: The same for the attack.
    """

    inpainter: Inpainter
    foreground: Picture
    alpha: Mask
    level: float
    step: float
    attack: Attack | None = None
    attack_step: float = 0.0

    def __call__(self, width: int, height: int) -> Shift:
        """Return the shift of latents that decode to (width, height)."""
        size = (width, height)
        foreground = (
            torch.from_numpy(cv2.resize(self.foreground, size, interpolation=cv2.INTER_AREA))
            .permute(2, 0, 1)[None]
            .float()
            / 255
        )
        small = cv2.resize(self.alpha, size, interpolation=cv2.INTER_AREA)
        alpha = torch.from_numpy(small)[None, None].float() / 255
        # An attack may not touch the object's surroundings: there it would draw another outline for the object, and so
        # another object.
        distance = cv2.distanceTransform((small == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distant = torch.from_numpy((distance > DISTANCE * max(size)).astype(np.float32))[None, None]

        def shift(clean: Tensor, noise: float) -> Tensor:
            leaf = clean.clone().requires_grad_()
            # Clipped as the stored picture will be, so that levels which it can't hold draw no gradient.
            picture = (self.inpainter.decode(leaf) / 2 + 0.5).clamp(0, 1)
            object_alpha, shown = alpha.to(picture.device), foreground.to(picture.device)
            # The share of free pixels below each latent.
            free = F.interpolate(distant.to(clean.device), clean.shape[-2:], mode="area")
            moves = []
            if self.level:
                moves.append(
                    (mid_band(picture, object_alpha == 0).log().sum(), self.level * self.step, torch.ones_like(free))
                )
            if self.attack is not None:
                composite = object_alpha * shown + (1 - object_alpha) * picture
                seen = self.attack.surrogate.log_probability(composite * 2 - 1, self.attack.target).sum()
                moves.append((seen, -self.attack_step, free))
            total = torch.zeros_like(clean)
            for number, (value, amount, where) in enumerate(moves, 1):
                # The moves share one decoding, which the last of them frees.
                (gradient,) = torch.autograd.grad(value, leaf, retain_graph=number < len(moves))
                total += amount * unit(gradient * where)
            # What is moved early the model still makes plausible; late moves stay as they are and show as artefacts.
            return total * noise**DECAY

        return shift


def unit(gradient: Tensor) -> Tensor:
    """Return the gradient scaled to a root mean square of 1.

    Zeros where it is zero or not finite, so that a flat picture stays as it is.
    """
    gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    return gradient / gradient.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
