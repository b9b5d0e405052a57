"""Adversarial ascent on an autoencoder's latents under a guard (Foundation Model-oriented Robustness, arXiv
2308.10632).

No code of the publication is public. One step is z' = z + eta * ||z0|| * g / ||g|| with g the gradient by z of the
target's cross-entropy at the true class, times the style mask; the decoded picture is rounded, encoded and decoded
again, and the guard judges that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from editmill.generators.base.reasons import Reason
from editmill.generators.fmr.climb import Climb, Ending, Look, Step
from editmill.generators.fmr.latents import LatentCodec
from editmill.generators.fmr.oracle import Oracle, Subject
from editmill.generators.fmr.pixels import png_round_trip, stored_levels, to_images, to_tensor
from editmill.generators.fmr.settings import LOOK_COST, SOURCE_COST, WALK_COST, AscentSettings
from editmill.generators.models.fixed_batches import in_fixed_rows
from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import halving
from editmill.generators.models.surrogate import Surrogate
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.seeds import derive_seed
from editmill.manifests.stages import stage


@dataclass(frozen=True)
class Ascent:
    """The outcome for one source.

    Attributes:
        key: The source's.
        images: By budget b of ``AscentSettings.checkpoints``, the picture that an ascent with that budget emits, uint8
            [H, W, 3] RGB; empty when ``failure`` says why there is none.
        steps: Every look, refused ones too.
        emitted: The step whose picture is emitted at the whole budget; None for a fallback or a failure.
        stop: Why the ascent ended; None when it did not begin.
        target_class: The target's number of the true class, -1 if it has none.
        source_prediction: The target's class for the original picture, for the standard accuracy; -1 if it wasn't
            asked.
        failure: Why there is no picture, or "".
        detail: What happened then, for a person.
        fallback: Whether the images are the original picture, as the round trip was refused.
        evaluations: Network evaluations in forward passes, without the guard's.
        judged: Pictures that the guard saw.
        batch: Pictures per network call, less than the settings say when memory ran out.
    """

    key: str
    images: dict[int, Picture] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    emitted: Step | None = None
    stop: Ending | None = None
    target_class: int = -1
    source_prediction: int = -1
    failure: str = ""
    detail: str = ""
    fallback: bool = False
    evaluations: int = 0
    judged: int = 0
    batch: int = 0

    @property
    def image(self) -> Picture | None:
        """The picture at the whole budget."""
        return self.images[max(self.images)] if self.images else None


class LatentAscent:
    """Makes pictures that one classifier gets wrong and the guard still recognises.

    A source's pictures depend on neither the other sources nor their order.

    Args:
        models: The pack's models.
        settings: Network, target, step and rule.
        oracle: The guard.
        style_mask: Bool or float [c, h, w], the share of the gradient that is followed per latent; None for all of it.
            All pictures then have the mask's size.
        round_trip: Encodes a picture as it will be stored, and decodes it.
        seed: Of random directions, which depend on the source's key and the step beside it.
    """

    def __init__(
        self,
        models: Models,
        settings: AscentSettings,
        oracle: Oracle,
        *,
        style_mask: Feature | None = None,
        round_trip: Callable[[Picture], Picture] = png_round_trip,
        seed: int = 0,
    ) -> None:
        self.codec = LatentCodec(models, settings.network, quantize=settings.quantize)
        self.target = Surrogate(models, settings.target)
        self.settings, self.oracle, self.round_trip, self.seed = settings, oracle, round_trip, seed
        self.mask = torch.ones(()) if style_mask is None else torch.from_numpy(style_mask).float()
        self.mask = self.mask.to(models.device)

    def run(self, subjects: Sequence[Subject]) -> list[Ascent]:
        """Ascend from every source; results in order.

        Raises:
            ValueError: A side of a picture is no multiple of the autoencoder's factor.
            torch.OutOfMemoryError: A single picture does not fit into memory.
        """
        results: dict[int, Ascent] = {}
        shapes: dict[tuple[int, ...], list[int]] = {}
        for number, subject in enumerate(subjects):
            if self.target.index(subject.label, subject.class_name) is None:
                results[number] = Ascent(subject.key, failure=Reason.SURROGATE_UNAWARE)
            else:
                shapes.setdefault(self._checked_shape(subject), []).append(number)
        # Pictures of one network call have to be of one size.
        for numbers in shapes.values():
            group = [subjects[number] for number in numbers]
            ascents, _ = halving(partial(self._ascend, group), self.settings.batch)
            results |= dict(zip(numbers, ascents, strict=True))
        return [results[number] for number in range(len(subjects))]

    def _checked_shape(self, subject: Subject) -> tuple[int, ...]:
        height, width = subject.image.shape[:2]
        if height % self.codec.factor or width % self.codec.factor:
            raise ValueError(
                f"{subject.key} is {width} x {height}; its sides have to be multiples of {self.codec.factor}, as the "
                "autoencoder needs"
            )
        return subject.image.shape

    def _ascend(self, subjects: Sequence[Subject], batch: int) -> list[Ascent]:
        pictures = to_tensor([subject.image for subject in subjects], self.codec.device)
        latents, predictions = in_fixed_rows(self._start, batch, pictures)
        climbs = [
            Climb(subject, self._index(subject), start, self.settings)
            for subject, start in zip(subjects, latents, strict=True)
        ]
        while active := [climb for climb in climbs if climb.stop is None]:
            looks = self._look(active, batch)
            stored = [self.round_trip(look.image) for look in looks]
            verdicts = self.oracle([climb.subject for climb in active], stored)
            for climb, look, verdict in zip(active, looks, verdicts, strict=True):
                climb.record(look, verdict)
        return [
            self._outcome(climb, int(prediction), batch) for climb, prediction in zip(climbs, predictions, strict=True)
        ]

    @torch.no_grad()
    def _start(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return self.codec.encode(pictures), self.target.log_probabilities(pictures).argmax(dim=-1)

    def _index(self, subject: Subject) -> int:
        index = self.target.index(subject.label, subject.class_name)
        assert index is not None
        return index

    @stage("networks")
    def _look(self, climbs: Sequence[Climb], batch: int) -> list[Look]:
        latents = torch.stack([climb.proposal() for climb in climbs])
        classes = torch.tensor([climb.index for climb in climbs], device=latents.device)
        walks = self.settings.mode == "random"
        levels, losses, predictions, gradients = in_fixed_rows(
            self.watch if walks else self.gradient, batch, latents, classes
        )
        if walks:
            gradients = torch.stack([self._random_direction(climb) for climb in climbs])
        parts = zip(to_images(levels), losses.tolist(), predictions.tolist(), gradients, strict=True)
        return [Look(image, loss, prediction, gradient * self.mask) for image, loss, prediction, gradient in parts]

    def gradient(self, latents: Tensor, classes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what the networks say about latents.

        Args:
            latents: Float32 [n, c, h, w].
            classes: The target's number of each true class, int64 [n].

        Returns:
            Grey levels of the stored pictures, float32 [n, 3, H, W]; cross-entropy in nats, float32 [n]; the target's
            class, int64 [n]; the gradient of the cross-entropy by the latents, float32 [n, c, h, w].
        """
        with torch.enable_grad():
            leaf = latents.detach().requires_grad_()
            levels = stored_levels(self.codec.decode(leaf))
            scores = self.target.log_probabilities(levels / 255 * 2 - 1)
            losses = F.nll_loss(scores, classes, reduction="none")
            # Each loss depends on its own latents alone, so the sum's gradient is that of every single one.
            (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return levels.detach(), losses.detach(), scores.argmax(dim=-1), gradient

    @torch.no_grad()
    def watch(self, latents: Tensor, classes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the same as ``gradient``, with zeros for it."""
        levels = stored_levels(self.codec.decode(latents))
        scores = self.target.log_probabilities(levels / 255 * 2 - 1)
        return levels, F.nll_loss(scores, classes, reduction="none"), scores.argmax(dim=-1), torch.zeros_like(latents)

    def _random_direction(self, climb: Climb) -> Tensor:
        """Return normal draws of the latents' shape, which point anywhere with equal chance."""
        # By the look, and not by the target: one walk is the control of all targets.
        seed = derive_seed(self.seed, climb.subject.key, f"random-{self.settings.network}", len(climb.steps))
        return torch.randn(climb.position.shape, generator=torch.Generator().manual_seed(seed)).to(
            climb.position.device
        )

    def _outcome(self, climb: Climb, source_prediction: int, batch: int) -> Ascent:
        refused = climb.stop == "ineligible"
        fallback = refused and self.settings.faithful_fallback
        images = dict.fromkeys(self.settings.checkpoints, climb.subject.image) if fallback else climb.images
        look_cost = WALK_COST if self.settings.mode == "random" else LOOK_COST
        return Ascent(
            climb.subject.key,
            images,
            tuple(climb.steps),
            climb.emitted,
            climb.stop,
            climb.index,
            source_prediction,
            failure=Reason.SOURCE_INELIGIBLE if refused and not fallback else "",
            fallback=fallback,
            evaluations=SOURCE_COST + look_cost * len(climb.steps),
            judged=len(climb.steps),
            batch=batch,
        )
