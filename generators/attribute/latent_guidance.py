"""What guides latent backgrounds: a busier or simpler background, and a classifier that no longer sees the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from editmill.generators.attribute.complexity import mid_band
from editmill.generators.compositing.distance import distance_to
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

    def shift(self, width: int, height: int, others: Sequence[LatentGuidance] = ()) -> Shift:
        """Return the shift of latents that decode to (width, height), of this picture and those of ``others``."""
        frames = [_Frame.of(one, (width, height)) for one in (self, *others)]

        def shift(clean: Tensor, noise: float) -> Tensor:
            leaf = clean.clone().requires_grad_()
            # Clipped as the stored picture will be, so that levels which it can't hold draw no gradient.
            pictures = (self.inpainter.decode(leaf) / 2 + 0.5).clamp(0, 1)
            moves = [move for move in (_busier(pictures, frames), _unrecognised(pictures, frames)) if move is not None]
            total = torch.zeros_like(clean)
            for number, move in enumerate(moves, 1):
                # The moves share one decoding, which the last of them frees.
                (gradient,) = torch.autograd.grad(move.value, leaf, retain_graph=number < len(moves))
                # The share of free pixels below each latent.
                free = F.interpolate(move.where.to(clean.device), clean.shape[-2:], mode="area")
                total += clean.new_tensor(move.amounts)[:, None, None, None] * unit(gradient * free)
            # What is moved early the model still makes plausible; late moves stay as they are and show as artefacts.
            return total * noise**DECAY

        return shift


@dataclass(frozen=True)
class _Frame:
    """A picture's guidance at the size that latents decode to: float [1, c, h, w] in [0, 1]."""

    guidance: LatentGuidance
    foreground: Tensor
    alpha: Tensor
    distant: Tensor

    @classmethod
    def of(cls, guidance: LatentGuidance, size: tuple[int, int]) -> _Frame:
        foreground = cv2.resize(guidance.foreground, size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(guidance.alpha, size, interpolation=cv2.INTER_AREA)
        # An attack may not touch the object's surroundings: there it would draw another outline for the object, and so
        # another object.
        distance = distance_to(small != 0)
        distant = torch.from_numpy((distance > DISTANCE * max(size)).astype(np.float32))[None, None]
        shown = torch.from_numpy(foreground).permute(2, 0, 1)[None].float() / 255
        return cls(guidance, shown, torch.from_numpy(small)[None, None].float() / 255, distant)


@dataclass(frozen=True)
class _Move:
    """What latents are moved by: the gradient of ``value``, by an amount for each picture, where these pixels are 1."""

    value: Tensor
    amounts: list[float]
    where: Tensor


def _busier(pictures: Tensor, frames: Sequence[_Frame]) -> _Move | None:
    amounts = [frame.guidance.level * frame.guidance.step for frame in frames]
    if not any(amounts):
        return None
    bands = [
        mid_band(picture[None], frame.alpha.to(picture.device) == 0).log().sum()
        for picture, frame, amount in zip(pictures, frames, amounts, strict=True)
        if amount
    ]
    return _Move(torch.stack(bands).sum(), amounts, torch.ones_like(pictures[:, :1]))


def _unrecognised(pictures: Tensor, frames: Sequence[_Frame]) -> _Move | None:
    attacks = [frame.guidance.attack for frame in frames]
    attacked = [(number, attack) for number, attack in enumerate(attacks) if attack is not None]
    if not attacked:
        return None
    numbers = [number for number, _ in attacked]
    alpha, shown = (
        torch.cat([getattr(frames[number], name) for number in numbers]).to(pictures.device)
        for name in ("alpha", "foreground")
    )
    composites = alpha * shown + (1 - alpha) * pictures[numbers]
    # The attacks of one build share their classifier.
    seen = attacked[0][1].surrogate.log_probabilities(composites * 2 - 1)
    value = torch.stack([row[attack.target] for row, (_, attack) in zip(seen, attacked, strict=True)]).sum()
    amounts = [-frame.guidance.attack_step if frame.guidance.attack else 0.0 for frame in frames]
    return _Move(value, amounts, torch.cat([frame.distant for frame in frames]))


def unit(gradient: Tensor) -> Tensor:
    """Return the gradient scaled to a root mean square of 1.

    Zeros where it is zero or not finite, so that a flat picture stays as it is.
    """
    gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    return gradient / gradient.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
