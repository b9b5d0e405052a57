"""Settings of FMR datasets, and the samples that they plan per source."""

from __future__ import annotations

from itertools import product
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from editmill.generators.base.edits import Edit, make_edit
from editmill.generators.base.family import Settings
from editmill.generators.base.worlds import UnknownWorld

NAME = "fmr"
ORIGINAL, ROUND_TRIP, ASCENT, RANDOM = "original", "round-trip", "ascent", "random"
# In forward passes: encoding the source and classifying it; then decoding and classifying each iterate, a backward pass
# counting as one more each; a random walk goes without the latter.
SOURCE_COST, LOOK_COST, WALK_COST = 2, 4, 2


class AscentSettings(BaseModel):
    """Adversarial ascent on the latents of an autoencoder (Foundation Model-oriented Robustness, arXiv 2308.10632).

    The publication's step size and budget are not known; these are ours, tuned on the embedded pack.

    Attributes:
        network: The pack's role whose latents are ascended, a VQModel or an AutoencoderKL.
        target: The role of the classifier under test.
        mode: ``fmr`` stops for good at the first violation and emits the last valid iterate, as published; ``max_loss``
            halves the step instead and emits the accepted iterate of the highest loss, which is not FMR; ``random`` is
            the untargeted control, which stops as ``fmr`` does but takes every step in a random direction.
        eta: Length of a step as a share of the norm of the source's latents, so that one number means the same relative
            move for every network and picture size; an absolute length would grow with the square root of the number of
            latents and with their unit.
        budget: B, the ascent steps per source; the publication runs b < B, that is one fewer of the same number.
        n_backtrack: Halvings of ``eta`` that ``max_loss`` may spend per source, over all steps together.
        quantize: Whether a VQModel looks its latents up in the codebook; False is diffusers' ``force_not_quantize``.
        faithful_fallback: Emit the original picture of a source whose round trip the guard refuses, as published,
            instead of failing it.
        batch: Pictures per network call. Calls are filled up, so another number gives other bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str = "vq"
    target: str = "classifier"
    mode: Literal["fmr", "max_loss", "random"] = "fmr"
    eta: float = Field(0.01, gt=0, le=1)
    budget: int = Field(8, ge=1, le=1000)
    n_backtrack: int = Field(4, ge=0, le=30)
    quantize: bool = True
    faithful_fallback: bool = False
    batch: int = Field(4, ge=1)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The budgets whose pictures are kept for the curve PA(b): 0, B/4, B/2, B, rounded down."""
        return tuple(sorted({0, self.budget // 4, self.budget // 2, self.budget}))

    @property
    def halvings(self) -> int:
        """How often a refused step may be halved."""
        return self.n_backtrack if self.mode == "max_loss" else 0


class StyleSettings(BaseModel):
    """The sparse style mask (arXiv 2308.10632, its sparse variant).

    It names the latents that tell restyled pictures from their originals; only these are moved.

    Attributes:
        penalty: Weight of the L1 norm as a share of the smallest one that leaves no weight; lower keeps more
            dimensions.
        iterations: Most proximal steps.
        tolerance: Change of a standardised weight below which the fit has converged.
        sources: The recipe's first usable sources, which the mask is fitted on; all frames must have one size.
        saturation, contrast, brightness: Of the restyling; see ``restyle``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    penalty: float = Field(0.1, gt=0, lt=1)
    iterations: int = Field(2000, ge=1)
    tolerance: float = Field(1e-6, gt=0)
    sources: int = Field(32, ge=2)
    saturation: float = Field(0.3, ge=0)
    contrast: float = Field(0.7, gt=0)
    brightness: float = 16.0


class FmrSettings(Settings):
    """A data set of latent ascents (Foundation Model-oriented Robustness, arXiv 2308.10632) with its controls.

    Attributes:
        networks: Roles of autoencoders whose latents are ascended.
        targets: Roles of the classifiers under test; every source is ascended against each of them.
        oracle: ``zero_shot`` is the publication's guard, the argmax of the role ``zero_shot``; ``ensemble`` the guard
            ensemble. The scores of both are stored, whichever binds.
        mode: ``fmr`` stops for good at the first violation and keeps the last valid iterate, as published; ``max_loss``
            halves the step instead and keeps the valid iterate of the highest loss, which is not FMR.
        eta: Length of a step as a share of the norm of the source's latents.
        budget: B, the ascent steps per source.
        n_backtrack: Halvings of ``eta`` that ``max_loss`` may spend per source, over all steps together.
        quantize: Whether a VQModel looks its latents up in the codebook.
        faithful_fallback: Keep the original of a source whose round trip the guard refuses, as published, instead of
            failing it.
        batch: Pictures per network call. With 1, bytes depend on no other source by construction; larger calls are
            faster on accelerators, but some networks round differently by a picture's place in the call, which a step
            may turn into another grey level.
        trained_on: By target, the networks whose pictures it was trained on, which weights do not tell; rows repeat it
            as ``generator_overlap``.
        style: Confine steps to style; None for the plain ascent.
        side: Side of the square that sources are cut to; 0 keeps their size, cut to what the autoencoders take.
        unknown_world: Whether to ascend pictures of sources that the pack was not trained on (``make``) or refuse them
            (``skip``): its judges would reject every one, or know none of the labels.
        group: Sources that are ascended side by side; with ``batch`` 1 no stored byte depends on it.
    """

    kind: Literal["fmr"] = "fmr"
    networks: tuple[str, ...] = Field(("vq", "autoencoder"), min_length=1)
    targets: tuple[str, ...] = Field(("classifier",), min_length=1)
    oracle: Literal["ensemble", "zero_shot"] = "ensemble"
    mode: Literal["fmr", "max_loss"] = "fmr"
    eta: float = Field(0.01, gt=0, le=1)
    budget: int = Field(8, ge=1, le=1000)
    n_backtrack: int = Field(4, ge=0, le=30)
    quantize: bool = True
    faithful_fallback: bool = False
    batch: int = Field(1, ge=1)
    trained_on: dict[str, tuple[str, ...]] = {}
    style: StyleSettings | None = None
    side: int = Field(0, ge=0, le=8192)
    unknown_world: UnknownWorld = "skip"
    group: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _check(self) -> FmrSettings:
        for what, roles in (("networks", self.networks), ("targets", self.targets)):
            if len(set(roles)) < len(roles):
                raise ValueError(f"{what} must be different roles; one stands there twice")
        unknown = sorted(set(self.trained_on) - set(self.targets))
        if unknown:
            raise ValueError(f"trained_on names {', '.join(unknown)}, which are not among targets")
        return self

    def ascent(self, network: str, target: str, *, random: bool = False) -> AscentSettings:
        """Return the settings of one ascent, or of its random control."""
        return AscentSettings(
            network=network,
            target=target,
            mode="random" if random else self.mode,
            eta=self.eta,
            budget=self.budget,
            n_backtrack=self.n_backtrack,
            quantize=self.quantize,
            faithful_fallback=self.faithful_fallback,
            batch=self.batch,
        )

    @property
    def budgets(self) -> tuple[int, ...]:
        """The budgets that have pictures beside the round trip."""
        return self.ascent(self.networks[0], self.targets[0]).checkpoints[1:]

    def plan(self) -> list[tuple[str, Edit]]:
        """Return the samples of one source: a label for the key, which names network, target and budget, and the
        edit.
        """
        planned = [_planned(ORIGINAL)]
        for network in self.networks:
            planned.append(_planned(ROUND_TRIP, network))
            planned += [_planned(RANDOM, network, "", budget) for budget in self.budgets]
            planned += [
                _planned(ASCENT, network, target, budget) for target, budget in product(self.targets, self.budgets)
            ]
        return planned


def _planned(name: str, network: str = "", target: str = "", budget: int = 0) -> tuple[str, Edit]:
    label = "-".join(part for part in (name, network, target, str(budget) if budget else "") if part)
    return label, make_edit(NAME, name, level=float(budget), network=network, target=target, budget=budget)
