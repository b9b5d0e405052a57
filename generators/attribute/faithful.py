"""The publication's background edits: blended pixel diffusion under guidance (ImageNet-E, arXiv 2303.17096; blending:
arXiv 2111.14818).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from editmill.generators.attribute.complexity import background_spectrum, full_spectrum
from editmill.generators.attribute.settings import GUIDED_COST, FaithfulSettings
from editmill.generators.models.loading import Models
from editmill.generators.models.pixel_diffusion import PixelDiffusion, Prediction, ancestral_step
from editmill.generators.models.surrogate import Surrogate
from editmill.generators.models.together import ask
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.stages import stage


@dataclass(frozen=True)
class Blended:
    """An edited frame.

    Attributes:
        image: Uint8 [S, S, 3] RGB, the generated background with the object on it.
        evaluations: Network evaluations spent, in forward passes.
        first_t: The original timestep that the background was noised to.
        guided: Whether steps were guided.
    """

    image: Picture
    evaluations: int
    first_t: int
    guided: bool


@dataclass(frozen=True)
class Steering:
    """What one edit steers by.

    It holds the background's region, float32 [1, 1, S, S] of 0 and 1, lambda, and the surrogate's class to lose if any.
    """

    region: Tensor
    weight: float
    target: int | None

    @property
    def kind(self) -> tuple[bool, bool]:
        """What edits of one call have in common: whether there is a lambda, and a class to lose."""
        return self.weight != 0, self.target is not None


@dataclass(frozen=True)
class _Job:
    """An edit as the network takes it: start and subject [1, 3, S, S] in [-1, 1], and its own steering and seed."""

    start: Tensor
    subject: Tensor
    steering: Steering
    seed: int


class BlendedDiffusion:
    """Edits backgrounds with the role ``unconditional``.

    Args:
        models: The pack's models.
        settings: Steps, weights of the losses, and published defects to reproduce.
        surrogate: The role of the classifier that adversarial backgrounds are made against; it loads when first used.
    """

    def __init__(self, models: Models, settings: FaithfulSettings, *, surrogate: str = "classifier") -> None:
        self.models, self.settings, self.role = models, settings, surrogate
        self.diffusion = PixelDiffusion(models, respacing=settings.respacing)

    @cached_property
    def surrogate(self) -> Surrogate:
        """The classifier of adversarial backgrounds."""
        return Surrogate(self.models, self.role, raw="raw-surrogate" in self.settings.compat)

    @property
    def side(self) -> int:
        """Side S of the frames that are edited."""
        return self.diffusion.side

    def edit(
        self,
        background: Picture,
        foreground: Picture,
        keep: Mask,
        *,
        weight: float,
        seed: int,
        target: int | None = None,
    ) -> Blended:
        """Generate a background around an object.

        Args:
            background: Where the background starts from, uint8 [S, S, 3] RGB.
            foreground: The frame that the object is taken from, uint8 [S, S, 3] RGB.
            keep: Where the object is, bool [S, S].
            weight: Lambda: above zero makes the background busier, below simpler, 0 gives it back as the model sees it.
            seed: Of the noise.
            target: The surrogate's index of the class whose probability is to fall; None for no adversary.

        Raises:
            ValueError: A frame has another size, or the steps diverged.
        """
        self._check(background, foreground, keep)
        start, subject = (_to_tensor(frame).to(self.diffusion.device) for frame in (background, foreground))
        region = torch.from_numpy(~keep)[None, None].to(self.diffusion.device)
        steering = Steering(region.float(), weight, target)
        clean = ask(self._sample, _Job(start, subject, steering, seed), key=steering.kind)
        # Not where the object is: these pixels are replaced.
        if not bool(clean[region.expand_as(clean)].isfinite().all()):
            raise ValueError(
                f"the diffusion diverged at lambda {weight:g}: the background holds values that are not numbers"
            )
        guided, steps = self._guides([steering]), self.settings.executed - 1
        first = self.diffusion.schedule.timesteps[steps]
        return Blended(
            self._to_image(clean, subject, region, foreground),
            1 + steps * (GUIDED_COST if guided else 1),
            first,
            guided,
        )

    @stage("networks")
    @torch.no_grad()
    def _sample(self, jobs: Sequence[_Job]) -> list[Tensor]:
        """Return the clean picture of each edit, [1, 3, S, S]."""
        # Colours side by side, as pictures lie in memory: kernels sum in another order for another layout.
        start, subject = (
            torch.cat([getattr(job, name) for job in jobs]).contiguous(memory_format=torch.channels_last)
            for name in ("start", "subject")
        )
        generators = [torch.Generator().manual_seed(job.seed) for job in jobs]
        return list(torch.split(self.sample(start, subject, [job.steering for job in jobs], generators), 1))

    def _check(self, background: Picture, foreground: Picture, keep: Mask) -> None:
        square = (self.side, self.side)
        for name, frame, shape in (
            ("background", background, (*square, 3)),
            ("foreground", foreground, (*square, 3)),
            ("keep", keep, square),
        ):
            if frame.shape != shape:
                raise ValueError(f"the {name} is of shape {frame.shape}; the model's frames are {shape}")

    def sample(
        self, start: Tensor, subject: Tensor, steerings: Sequence[Steering], generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the clean pictures that the last step predicts, [n, 3, S, S].

        The edits are of one kind. The noise of each is drawn from its own generator, in the publication's order.
        """
        diffusion, noisier = self.diffusion, "noisier-object" in self.settings.compat
        region = _regions(steerings)
        noisy = diffusion.schedule.q_sample(start, self.settings.executed - 1, diffusion.noise(generators))
        for index in range(self.settings.executed - 1, 0, -1):
            mean, variance = self.step(noisy, index, steerings)
            noisy = ancestral_step(mean, variance, diffusion.noise(generators))
            # The object comes at the noise that the step leaves; in the publication it is one step noisier.
            blended = diffusion.schedule.q_sample(subject, index if noisier else index - 1, diffusion.noise(generators))
            noisy = torch.where(region > 0, noisy, blended)
        # Of the last step only the predicted picture counts, which guidance and noise come too late to change.
        return diffusion.predict(noisy, 0).clean

    def _guides(self, steerings: Sequence[Steering]) -> bool:
        return any(steerings[0].kind) or "guided-zero" in self.settings.compat

    def step(self, noisy: Tensor, index: int, steerings: Sequence[Steering]) -> tuple[Tensor, Tensor]:
        """Return the mean and variance of the next less noisy pictures, the mean moved against the loss's gradient."""
        if not self._guides(steerings):
            prediction = self.diffusion.predict(noisy, index)
            return prediction.mean, prediction.variance
        with torch.enable_grad():
            noisy = noisy.detach().requires_grad_()
            prediction = self.diffusion.predict(noisy, index)
            gradient = torch.autograd.grad(self._loss(prediction.clean, steerings), noisy)[0]
        if steerings[0].target is not None and "detached-adversary" in self.settings.compat:
            gradient = gradient + self._detached(prediction, steerings)
        mean, variance = prediction.mean.detach(), prediction.variance.detach()
        return mean - variance * gradient, variance

    def _loss(self, clean: Tensor, steerings: Sequence[Steering]) -> Tensor:
        """Return the sum of the losses of all pictures, each of which depends on its own picture alone."""
        (weighed, adverse), compat = steerings[0].kind, self.settings.compat
        loss = self.settings.range_weight * (clean - clean.clamp(-1, 1)).square().mean(dim=(1, 2, 3)).sum()
        if weighed:
            whole = "whole-frame-spectrum" in compat
            spectrum = full_spectrum(clean) if whole else background_spectrum(clean, _regions(steerings))
            loss = loss - (clean.new_tensor([one.weight for one in steerings]) * spectrum).sum()
        if adverse and "detached-adversary" not in compat:
            loss = loss + self.settings.adversary_scale * self._recognition(clean, steerings)
        return loss

    def _recognition(self, clean: Tensor, steerings: Sequence[Steering]) -> Tensor:
        """Return the sum of log p(class to lose) over pictures."""
        seen = self.surrogate.log_probabilities(clean)
        return torch.stack([row[one.target] for row, one in zip(seen, steerings, strict=True)]).sum()

    def _detached(self, prediction: Prediction, steerings: Sequence[Steering]) -> Tensor:
        """Return the classifier's gradient by the predicted pictures, which the publication takes for one by the noisy
        pictures.
        """
        with torch.enable_grad():
            clean = prediction.clean.detach().requires_grad_()
            return self.settings.adversary_scale * torch.autograd.grad(self._recognition(clean, steerings), clean)[0]

    def _to_image(self, clean: Tensor, subject: Tensor, region: Tensor, foreground: Picture) -> Picture:
        if "truncation" in self.settings.compat:
            # byte() cuts off, which returns 63 of the 256 grey levels one lower (imagenet-e spec, section 4).
            return _levels(torch.where(region, clean, subject)).byte().cpu().numpy()
        generated = _levels(clean).round().byte().cpu().numpy()
        # From the bytes themselves, so that the way to a tensor and back can't change the object.
        return np.where(region[0, 0, :, :, None].cpu().numpy(), generated, foreground)


def _regions(steerings: Sequence[Steering]) -> Tensor:
    """Return the regions of several edits, float32 [n, 1, S, S]."""
    return torch.cat([one.region for one in steerings])


def _to_tensor(image: Picture) -> Tensor:
    """Convert uint8 [S, S, 3] to float32 [1, 3, S, S] in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float().div(255).mul(2).sub(1)


def _levels(picture: Tensor) -> Tensor:
    """Convert [1, 3, S, S] in [-1, 1] to grey levels in [0, 255], float32 [S, S, 3]."""
    return picture[0].permute(1, 2, 0).add(1).div(2).clamp(0, 1).mul(255)
