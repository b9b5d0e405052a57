"""Settings of FMR datasets, and the samples that they plan per source."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from editmill.generators.base import Edit, make_edit
from editmill.generators.synthesis.settings import AscentSettings, StyleMaskSettings

NAME = "fmr"
ORIGINAL, ROUND_TRIP, ASCENT, RANDOM = "original", "round-trip", "ascent", "random"


@dataclass(frozen=True)
class NamedEdit:
    """An edit as a manifest lists it."""

    name: str


class StyleSettings(StyleMaskSettings):
    """The sparse variant: which latents tell restyled pictures from their originals, and are moved alone.

    Attributes:
        sources: The recipe's first usable sources, which the mask is fitted on; all frames must have one size.
        saturation, contrast, brightness: Of the restyling; see ``restyle``.
    """

    sources: int = Field(32, ge=2)
    saturation: float = Field(0.3, ge=0)
    contrast: float = Field(0.7, gt=0)
    brightness: float = 16.0


class FmrSettings(BaseModel):
    """A data set of latent ascents (Foundation Model-oriented Robustness, arXiv 2308.10632) with its controls.

    Attributes:
        networks: Roles of autoencoders whose latents are ascended.
        targets: Roles of the classifiers under test; every source is ascended against each of them.
        oracle: ``zero_shot`` is the publication's guard, the argmax of the role ``zero_shot``; ``ensemble`` the guard
            ensemble. The scores of both are stored, whichever binds.
        mode, eta, budget, n_backtrack, quantize, faithful_fallback: See ``AscentSettings``.
        batch: Pictures per network call. With 1, bytes depend on no other source by construction; larger calls are
            faster on accelerators, but some networks round differently by a picture's place in the call, which a step
            may turn into another grey level.
        trained_on: By target, the networks whose pictures it was trained on, which weights do not tell; rows repeat it
            as ``generator_overlap``.
        style: Confine steps to style; None for the plain ascent.
        side: Side of the square that sources are cut to; 0 keeps their size, cut to what the autoencoders take.
        group: Sources that are ascended side by side; with ``batch`` 1 no stored byte depends on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    group: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _check(self) -> FmrSettings:
        for what, roles in (("networks", self.networks), ("targets", self.targets)):
            if len(set(roles)) < len(roles):
                raise ValueError(f"{what} must be different roles; one stands there twice")
        unknown = sorted(set(self.trained_on) - set(self.targets))
        if unknown:
            raise ValueError(f"trained_on names {', '.join(unknown)}, which is no target")
        return self

    @property
    def edits(self) -> tuple[NamedEdit, ...]:
        """What a manifest lists as edits."""
        return tuple(NamedEdit(name) for name in (ORIGINAL, ROUND_TRIP, RANDOM, ASCENT))

    def ascent(self, network: str, target: str, *, random: bool = False) -> AscentSettings:
        """Return settings of one ascent, or of its random control."""
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
