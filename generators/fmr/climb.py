"""The ascent of one source as a state: which latents to look at next, what to keep, when to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from editmill.generators.base.guards import Verdict
from editmill.generators.fmr.oracle import Subject
from editmill.generators.fmr.settings import AscentSettings
from editmill.manifests.arrays import Picture

# Why an ascent ended: its budget was spent; the guard refused the last step allowed; there was no gradient to follow;
# the round trip was refused.
Ending = Literal["budget", "violated", "flat", "ineligible"]


@dataclass(frozen=True)
class Step:
    """One look at an iterate.

    Attributes:
        budget: Ascent steps from the round trip to this iterate, 0 for the round trip itself; a refused try that is
            repeated with half the step has the same number.
        eta: The step's length as a share of the norm of the source's latents; 0 for the round trip.
        loss: Cross-entropy in nats of the target at the true class, on the stored picture.
        prediction: The target's class, by its own number.
        reasons: Why the guard refused the iterate; empty for valid ones.
        scores: The guard's scores.
    """

    budget: int
    eta: float
    loss: float
    prediction: int
    reasons: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether the guard let the iterate pass."""
        return not self.reasons


@dataclass(frozen=True)
class Look:
    """What the networks say about one iterate.

    It holds the stored picture, uint8 [H, W, 3] RGB, the loss, the prediction and the masked gradient of the loss.
    """

    image: Picture
    loss: float
    prediction: int
    gradient: Tensor


class Climb:
    """The ascent of one source.

    Args:
        subject: The source.
        index: The target's number of the true class.
        latents: Of the source, float32 [c, h, w].
        settings: Step, budget and rule.
    """

    def __init__(self, subject: Subject, index: int, latents: Tensor, settings: AscentSettings) -> None:
        self.subject, self.index, self.settings = subject, index, settings
        self.position, self.length = latents, float(latents.norm())
        self.direction: Tensor | None = None
        self.taken = self.halvings = 0
        self.steps: list[Step] = []
        self.images: dict[int, Picture] = {}
        self.emitted: Step | None = None
        self.stop: Ending | None = None

    @property
    def eta(self) -> float:
        """Length of the next step as a share of the norm of the source's latents."""
        return 0.0 if self.direction is None else self.settings.eta * 0.5**self.halvings

    def proposal(self) -> Tensor:
        """Return the latents to look at next: first the source's own."""
        return self.position if self.direction is None else self.position + self.eta * self.length * self.direction

    def record(self, look: Look, verdict: Verdict) -> None:
        """Go on from what was seen at the proposal."""
        budget = 0 if self.direction is None else self.taken + 1
        step = Step(
            budget, self.eta, look.loss, look.prediction, tuple(map(str, verdict.reasons)), dict(verdict.scores)
        )
        self.steps.append(step)
        if step.valid:
            self._accept(step, look)
        elif self.direction is None:
            self.stop = "ineligible"
        elif self.halvings < self.settings.halvings:
            # The halved step stays for the rest of the way: the guard's border is near, and every refused try costs a
            # decoded picture.
            self.halvings += 1
        else:
            self.stop = "violated"

    def _accept(self, step: Step, look: Look) -> None:
        self.position, self.taken = self.proposal(), step.budget
        if self.settings.mode != "max_loss" or self.emitted is None or step.loss > self.emitted.loss:
            self.emitted = step
            # An accepted picture stands for every larger budget, until a later one replaces it there.
            self.images |= {budget: look.image for budget in self.settings.checkpoints if budget >= step.budget}
        self.direction = unit(look.gradient)
        if step.budget == self.settings.budget:
            self.stop = "budget"
        elif not self.direction.any():
            self.stop = "flat"


def unit(gradient: Tensor) -> Tensor:
    """Return a gradient of one source scaled to a norm of 1.

    Zeros where it is zero, or where any of it is not finite.
    """
    norm = gradient.norm()
    return gradient / norm if bool(norm > 0) and bool(norm.isfinite()) else torch.zeros_like(gradient)
