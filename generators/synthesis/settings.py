"""Settings of guarded synthesis, as they stand in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


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


class StyleMaskSettings(BaseModel):
    """The sparse style mask (arXiv 2308.10632, its sparse variant).

    Attributes:
        penalty: Weight of the L1 norm as a share of the smallest one that leaves no weight; lower keeps more
            dimensions.
        iterations: Most proximal steps.
        tolerance: Change of a standardised weight below which the fit has converged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    penalty: float = Field(0.1, gt=0, lt=1)
    iterations: int = Field(2000, ge=1)
    tolerance: float = Field(1e-6, gt=0)


class SelectionSettings(BaseModel):
    """Which accepted candidates become samples.

    Attributes:
        mode: ``untargeted`` takes the first accepted; ``diverse`` spreads them in an embedding space; ``surrogate``
            takes those that surrogates get wrong; ``targeted`` is for candidates of latent ascent, which were chosen as
            they were made, and takes the first accepted.
        count: Samples per source.
        surrogates: Roles that ``surrogate`` asks; publish headline figures on other models only.
        least_wrong: How many surrogates have to be wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["untargeted", "diverse", "surrogate", "targeted"] = "untargeted"
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
