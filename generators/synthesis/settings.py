"""Settings of guarded synthesis: class-balanced quotas of generated pictures (ImageNet-G, arXiv 2302.02503)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from editmill.generators.base.family import Settings
from editmill.generators.base.worlds import UnknownWorld

ConditioningName = Literal["text", "image", "image-text"]
# Real sources, untouched, as a control.
ORIGINAL = "original"


class SelectionSettings(BaseModel):
    """Which accepted candidates become samples.

    Attributes:
        mode: ``untargeted`` takes the first accepted; ``diverse`` spreads them in an embedding space; ``surrogate``
            takes those that surrogates get wrong.
        count: Samples per source.
        surrogates: Roles that ``surrogate`` asks; publish headline figures on other models only.
        least_wrong: How many surrogates have to be wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["untargeted", "diverse", "surrogate"] = "untargeted"
    count: int = Field(1, ge=1)
    surrogates: tuple[str, ...] = ()
    least_wrong: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _check_surrogates(self) -> SelectionSettings:
        if (self.mode == "surrogate") != bool(self.surrogates):
            raise ValueError(
                f"surrogates are for the mode surrogate, which needs them; the mode is {self.mode} with "
                f"{len(self.surrogates)} of them"
            )
        if self.surrogates and self.least_wrong > len(self.surrogates):
            raise ValueError(f"least_wrong ({self.least_wrong}) is more than the {len(self.surrogates)} surrogates")
        return self


class RetrySettings(BaseModel):
    """Candidates per source, and how rejected rounds change the next one.

    Attributes:
        candidates: K, candidates per round.
        rounds: R, rounds per source.
        adapt_after: Sources of a cell after which K follows the cell's acceptance rate; 0 for never.
        coverage: The share of sources that the adapted K shall fill in one round.
        confidence: Of the lower bound of the acceptance rate that the adapted K is computed from.
        most_candidates: Bound of the adapted K.
        strength_step: By how much the editing strength falls where label, identity or object were lost, and rises where
            the edit is absent.
        guidance_step: By how much the guidance scale rises where the edit is absent at the highest strength.
        least_strength, most_strength: Bounds of the adapted strength, as shares of the noise schedule.
        most_guidance: Bound of the adapted guidance scale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: int = Field(4, ge=1, le=64)
    rounds: int = Field(4, ge=1)
    adapt_after: int = Field(50, ge=0)
    coverage: float = Field(0.95, gt=0, lt=1)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    most_candidates: int = Field(16, ge=1, le=64)
    strength_step: float = Field(0.1, ge=0)
    guidance_step: float = Field(1.0, ge=0)
    least_strength: float = Field(0.2, gt=0, le=1)
    most_strength: float = Field(1.0, gt=0, le=1)
    most_guidance: float = Field(15.0, ge=1)

    @model_validator(mode="after")
    def _check_bounds(self) -> RetrySettings:
        if self.least_strength > self.most_strength:
            raise ValueError(
                f"least_strength ({self.least_strength:g}) is above most_strength ({self.most_strength:g})"
            )
        return self


class BudgetSettings(BaseModel):
    """Caps on what may be spent; None for no cap. Each may be exceeded by at most one micro-batch.

    Attributes:
        source_candidates: Candidates per source.
        source_seconds: Seconds of rendering and judging per source.
        run_candidates: Candidates of the whole run.
        run_seconds: Seconds of wall clock of the whole run, its deadline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_candidates: int | None = Field(None, ge=1)
    source_seconds: float | None = Field(None, gt=0)
    run_candidates: int | None = Field(None, ge=1)
    run_seconds: float | None = Field(None, gt=0)

    @property
    def of_run(self) -> bool:
        """Whether a cap counts what all classes of a shard have spent."""
        return self.run_candidates is not None or self.run_seconds is not None


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
    quota: int = Field(0, ge=0, le=100_000)
    strength: float = Field(1.0, gt=0, le=1)
    guidance: float = Field(0.0, ge=0)
    rescale: float = Field(0.0, ge=0, le=1)
    scale: float = Field(1.0, ge=0)


class SynthesisSettings(Settings):
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
        budget: Caps. Those of a run count per shard, so that they do not depend on the number of workers.
        selection: Which accepted candidate becomes the sample.
        unknown_world: Whether to make pictures of the classes of sources that the pack was not trained on (``make``) or
            refuse them (``skip``): it can neither draw nor recognise them.
    """

    kind: Literal["synthesis"]
    quota: int = Field(6, ge=1, le=100_000)
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
    unknown_world: UnknownWorld = "skip"

    @model_validator(mode="after")
    def _check(self) -> SynthesisSettings:
        names = [one.name for one in self.conditionings]
        if len(set(names)) < len(names):
            raise ValueError("a conditioning is listed twice in conditionings")
        if isinstance(self.templates, tuple) and (
            not self.templates or any("{}" not in template for template in self.templates)
        ):
            raise ValueError("templates is clip, single, pack, or a list of prompts with {} for the class name")
        if self.selection.count != 1:
            raise ValueError("every planned sample has one picture; raise quota instead of selection.count")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of samples in the order of the plan."""
        return (*([ORIGINAL] if self.original else []), *(one.name for one in self.conditionings))

    def conditioning(self, name: str) -> ConditioningSettings:
        """Return a conditioning by name."""
        return next(one for one in self.conditionings if one.name == name)

    def quota_of(self, name: str) -> int:
        """Return the samples per class of one conditioning.

        The control has as many as the largest quota of a conditioning that shows real pictures, or the recipe's.
        """
        if name == ORIGINAL:
            return max(
                (self.quota_of(one.name) for one in self.conditionings if one.name != "text"), default=self.quota
            )
        return self.conditioning(name).quota or self.quota


def role_of(conditioning: str, roles: Sequence[str]) -> str:
    """Return the role whose pipeline makes a conditioning."""
    if conditioning == "image":
        return "image_variation" if "image_variation" in roles else "text_to_image"
    return "image_to_image" if conditioning == "image-text" else "text_to_image"


def roles_of(conditioning: str, roles: Sequence[str]) -> tuple[str, ...]:
    """Return all roles that a conditioning needs; a variation without a model of its own needs the image adapter."""
    role = role_of(conditioning, roles)
    return (role, "image_adapter") if (conditioning, role) == ("image", "text_to_image") else (role,)
