"""Settings of the guard ensemble, as they are written in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from editmill.generators.base.family import Settings
from editmill.generators.guards.ensemble.gates import LABEL_GATES, GateName
from editmill.generators.models.pack import PackSpec

# Roles that gates may ask; a verifier may be none of them.
GATE_ROLES: tuple[str, ...] = ("zero_shot", "zero_shot_2", "image_encoder", "detector", "segmenter")


class EnsembleSettings(Settings):
    """Which gates bind, by which rule, and the limits that calibration does not set.

    Every score is computed and kept, whatever binds.

    Attributes:
        gates: What binds; gates whose role the pack lacks, or that have nothing to compare with, are left out.
        rule: ``all`` gates, at least ``k`` of those that can be asked, or the ``calibrated`` product of probabilities.
        k: For ``k_of_n``; at most the number of gates that can be asked.
        verifiers: Roles of classifiers whose opinion is stored and never binds.
        confusables: Nearest class names that a label competes with.
        backgrounds: Prompts of empty pictures that it competes with, for open vocabularies.
        templates: Prompt templates with ``{}`` whose mean feature stands for a class, for open vocabularies; empty for
            the pack's prompt.
        batch: Pictures per forward pass, always filled up.
        segment: Whether a segmenter compares masks, which takes longest.
        contrast, black, correlation: Limits of ``sanity_scores``.
        clipped: Largest share of pixels, beyond the source's, with every channel at 0 or 255.
        change: Least mean change from the source in grey levels; 0 for no limit.
        direction: Least cosine between the changes of picture and prompt (Gal et al., arXiv 2108.00946, section 4.2);
            None for no limit.
        outside: Largest mean change outside of the mask in grey levels; None for no limit.
        source_copy: Largest cosine with the source as a whole frame; None for no limit, as edits stay near their
            source.
        hamming: Two pictures whose 64-bit hashes differ in at most this many bits, and whose features' cosine is at
            least ``duplicate``, are one.
        duplicate: See ``hamming``.
        alpha: Clean rejections that calibration allows the ensemble.
        least_sources: Classes with fewer clean sources take their threshold in part from all classes.
        r_min: Least recall of every label judge on a class that is guarded.
        far_upper_limit: Largest upper bound of false accepts; None for no limit.
        frr_limit: Largest rate of false rejections; None for no limit.
    """

    kind: Literal["ensemble"] = "ensemble"
    gates: tuple[GateName, ...] = Field(
        ("label_clip", "label_siglip", "present_siglip", "identity", "object", "stable_clip"), min_length=1
    )
    rule: Literal["all", "k_of_n", "calibrated"] = "all"
    k: int = Field(4, ge=1)
    verifiers: tuple[str, ...] = ("classifier",)
    confusables: int = Field(20, ge=1)
    backgrounds: int = Field(5, ge=0)
    templates: tuple[str, ...] = ()
    batch: int = Field(8, ge=1)
    segment: bool = False
    contrast: float = Field(2.0, ge=0)
    black: float = Field(0.02, ge=0, le=1)
    correlation: float = Field(0.3, ge=-1, le=1)
    clipped: float = Field(0.25, ge=0, le=1)
    change: float = Field(0.5, ge=0, le=255)
    direction: float | None = Field(None, ge=-1, le=1)
    outside: float | None = Field(None, ge=0, le=255)
    source_copy: float | None = Field(None, ge=-1, le=1)
    hamming: int = Field(4, ge=0, le=64)
    duplicate: float = Field(0.75, ge=-1, le=1)
    alpha: float = Field(0.05, gt=0, lt=1)
    least_sources: int = Field(50, ge=1)
    r_min: float = Field(0.5, ge=0, le=1)
    far_upper_limit: float | None = Field(None, ge=0, le=1)
    frr_limit: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> EnsembleSettings:
        if len(set(self.gates)) < len(self.gates):
            raise ValueError("a gate is listed twice in gates")
        if not set(self.gates) & set(LABEL_GATES):
            raise ValueError(f"gates need a judge of the label: {' or '.join(LABEL_GATES)}")
        if "mask_iou" in self.gates and not self.segment:
            raise ValueError("the gate mask_iou needs segment: true")
        gating = sorted(set(self.verifiers) & set(GATE_ROLES))
        if gating:
            raise ValueError(f"verifiers are held out, so {', '.join(gating)} can't be one")
        if any("{}" not in template for template in self.templates):
            raise ValueError("a prompt template needs {} for the class name")
        return self

    def gate_roles(self, pack: PackSpec) -> list[str]:
        """Return the pack's roles that gate, and ``zero_shot`` where it has no judge of the label."""
        judge = [] if {"zero_shot", "zero_shot_2"} & set(pack.roles) else ["zero_shot"]
        return [*judge, *(one for one in GATE_ROLES if one in pack.roles and (one != "segmenter" or self.segment))]

    def reads_classes(self, pack: PackSpec) -> bool:
        """Return whether a judge of the pack chooses among the class names of the dataset."""
        judges = (role for role in ("zero_shot", "zero_shot_2") if role in pack.roles)
        return any(not pack.entry(role).vocabulary for role in judges)

    def calibration_roles(self, pack: PackSpec) -> list[str]:
        """Return the pack's roles that make the pictures of a calibration: round trips, and objects removed."""
        removal = "removal" if "removal" in pack.roles else "inpaint"
        return [role for role in ("vq", "autoencoder", removal) if role in pack.roles]
