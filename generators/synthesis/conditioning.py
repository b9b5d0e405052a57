"""Settings of the generator ``synthesis``: class-balanced quotas of generated pictures (ImageNet-G, arXiv
2302.02503).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from editmill.generators.synthesis.settings import BudgetSettings, RetrySettings, SelectionSettings

ConditioningName = Literal["text", "image", "image-text"]
# Real sources, untouched, as a control.
ORIGINAL = "original"


class ConditioningSettings(BaseModel):
    """What pictures are made from: the class's name, a real picture of it, or both.

    Attributes:
        name: ``text``, ``image`` (a variation of a real picture, without a prompt), or ``image-text``.
        quota: Samples per class; 0 for the recipe's.
        strength: ``image-text`` alone: share of the noise schedule that runs; 1 as published.
        guidance: Classifier-free guidance scale; 0 for the pack's. Published: 7.5, and 3 for ``image``.
        rescale: How far guidance is rescaled (Lin et al., arXiv 2305.08891, section 3.4), where the pipeline can; 0 as
            published.
        scale: ``image`` through an image adapter: weight of the reference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ConditioningName
    quota: int = Field(0, ge=0)
    strength: float = Field(1.0, gt=0, le=1)
    guidance: float = Field(0.0, ge=0)
    rescale: float = Field(0.0, ge=0, le=1)
    scale: float = Field(1.0, ge=0)


@dataclass(frozen=True)
class SampleKind:
    """A kind of sample as the manifest lists it."""

    name: str


class SynthesisSettings(BaseModel):
    """The generator ``synthesis``.

    Attributes:
        quota: Samples per class and conditioning.
        conditionings: In the order in which a class is filled.
        templates: ``clip`` for the 80 published ones, ``single`` for "a photo of a {}", ``pack`` for the pack's own, or
            a list.
        steps: Sampler steps; 0 for the pack's. Published: 50.
        size: Side of the pictures in pixels; 0 for the model's own.
        original: Also store as many real sources per class, untouched, as a control.
        batch: Candidates per pipeline call. Bits are the same for one number alone.
        retries: Candidates, rounds and how they adapt.
        budget: caps. Those of a run count per shard, so that they do not depend on the number of workers.
        selection: Which accepted candidate becomes the sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["synthesis"]
    quota: int = Field(6, ge=1)
    conditionings: tuple[ConditioningSettings, ...] = Field(
        tuple(ConditioningSettings(name=name) for name in ("text", "image", "image-text")), min_length=1
    )
    templates: Literal["clip", "single", "pack"] | tuple[str, ...] = "clip"
    steps: int = Field(0, ge=0, le=1000)
    size: int = Field(0, ge=0, le=4096)
    original: bool = False
    batch: int = Field(1, ge=1, le=64)
    retries: RetrySettings = RetrySettings()
    budget: BudgetSettings = BudgetSettings()
    selection: SelectionSettings = SelectionSettings()

    @model_validator(mode="after")
    def _check(self) -> SynthesisSettings:
        names = [one.name for one in self.conditionings]
        if len(set(names)) < len(names):
            raise ValueError("a conditioning stands twice in conditionings")
        if isinstance(self.templates, tuple) and (
            not self.templates or any("{}" not in template for template in self.templates)
        ):
            raise ValueError("templates is clip, single, pack, or a list of prompts with {} for the class name")
        if self.selection.mode == "targeted":
            raise ValueError("selection.mode targeted is for latent ascent; use untargeted, diverse or surrogate")
        if self.selection.count != 1:
            raise ValueError("every planned sample has one picture; raise quota instead of selection.count")
        return self

    @property
    def edits(self) -> tuple[SampleKind, ...]:
        """Kinds of samples in the order of the plan."""
        return tuple(
            map(SampleKind, (*([ORIGINAL] if self.original else []), *(one.name for one in self.conditionings)))
        )

    def conditioning(self, name: str) -> ConditioningSettings:
        """Return a conditioning by name."""
        return next(one for one in self.conditionings if one.name == name)

    def quota_of(self, name: str) -> int:
        """Return samples per class of one conditioning.

        Of the control as many as the largest quota of one that shows real pictures, or the recipe's.
        """
        if name == ORIGINAL:
            return max(
                (self.quota_of(one.name) for one in self.conditionings if one.name != "text"), default=self.quota
            )
        return self.conditioning(name).quota or self.quota
