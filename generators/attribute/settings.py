"""Settings of attribute editing, as they are written in a recipe."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from editmill.generators.attribute.edits import EDITS, EditKind, EditName
from editmill.generators.base.edits import edit_label
from editmill.generators.base.family import Settings
from editmill.generators.base.worlds import UnknownWorld
from editmill.generators.compositing.defaults import (
    CLOSING,
    DILATION,
    FEATHER,
    PATCH_DILATION,
    PATCH_MOST_HOLE,
    PHOTO_DILATION,
)

# The publication's defects, each of which faithful mode can show again (imagenet-e spec, sections 3 and 4).
Quirk = Literal[
    "frame-rotation",
    "grown-mask",
    "loose-size",
    "undilated-removal",
    "guided-zero",
    "whole-frame-spectrum",
    "noisier-object",
    "detached-adversary",
    "raw-surrogate",
    "truncation",
    "hard-edge",
    "shared-seed",
]
QUIRKS: tuple[Quirk, ...] = get_args(Quirk)

Removal = Literal["auto", "models", "patches"]

# A guided step's price in forward passes: one forward and one backward pass, the latter for the picture alone.
GUIDED_COST = 2
SIZES = (0.1, 0.08, 0.05)


class EditSettings(BaseModel):
    """One edit of the recipe.

    A setting that the edit does not read is an error.

    Attributes:
        name: Which edit.
        levels: One planned sample each. For ``size``: the object's shares of the frame (default 0.1, 0.08, 0.05). For
            ``complexity`` and ``adversarial``: below zero simplifies the background, above makes it busier; in faithful
            mode the publication's lambda (-20, 20), in modern mode a strength (1 is full).
        size: For ``position``, ``direction`` and ``resample``: the object's share of the frame.
        angles: For ``direction``: lowest and highest angle in whole degrees, both included, between -180 and 180.
        prompts: For ``background``: prompts to draw from; empty for the pack's own.
        count: Draws per source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: EditName
    levels: tuple[FiniteFloat, ...] = Field((), max_length=1000)
    size: float = Field(0.05, gt=0, lt=1)
    angles: tuple[int, int] = (-45, 44)
    prompts: tuple[str, ...] = ()
    count: int = Field(1, ge=1, le=1000)

    @model_validator(mode="before")
    @classmethod
    def _default_levels(cls, values: Any) -> Any:
        return {"levels": SIZES, **values} if isinstance(values, dict) and values.get("name") == "size" else values

    @model_validator(mode="after")
    def _check_levels(self) -> EditSettings:
        if self.name == "size" and not all(0 < level < 1 for level in self.levels):
            raise ValueError(f"the levels of size are shares of the frame between 0 and 1, not {_plain(self.levels)}")
        if self.facts.levelled and (not self.levels or 0 in self.levels):
            raise ValueError(
                f"{self.name} needs levels other than 0, such as [-20, 20] in faithful mode or [-1, 1] in modern mode"
            )
        if not self.facts.levelled and self.levels:
            raise ValueError(f"the edit {self.name} has no levels; leave them out")
        if not self.facts.drawn and self.count > 1:
            raise ValueError(f"the edit {self.name} draws nothing, so it is made once; leave count out")
        return self

    @model_validator(mode="after")
    def _check_unread(self) -> EditSettings:
        """Refuse a setting that the edit would ignore; its default may stand there, as it does in a resolved recipe."""
        for name in ("size", "angles", "prompts"):
            if name not in self.facts.reads and getattr(self, name) != type(self).model_fields[name].default:
                readers = [edit for edit, kind in EDITS.items() if name in kind.reads]
                fix = "; the share of size belongs in levels" if (self.name, name) == ("size", "size") else ""
                raise ValueError(
                    f"the edit {self.name} does not read {name}, which is for {', '.join(readers)}; leave it out{fix}"
                )
        return self

    @model_validator(mode="after")
    def _check_angles(self) -> EditSettings:
        lowest, highest = self.angles
        if lowest > highest:
            raise ValueError(f"the lowest of the angles, {lowest}, is above the highest, {highest}")
        if lowest < -180 or highest > 180:
            raise ValueError(f"angles of {self.name} lie between -180 and 180, not {lowest} to {highest}")
        return self

    @property
    def facts(self) -> EditKind:
        """What is true of the edit at any level."""
        return EDITS[self.name]

    def planned_levels(self) -> tuple[float, ...]:
        """Return the level of each planned edit, without replicas; 0 where there is none."""
        return self.levels or (self.size if self.facts.sized else 0.0,)

    def labels(self) -> list[str]:
        """Return the labels of the planned edits, without replicas."""
        return [edit_label(self.name, level) for level in self.planned_levels()]


def _plain(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


class FaithfulSettings(BaseModel):
    """Guided pixel diffusion as published.

    Attributes:
        respacing: Steps that the model's schedule is respaced to.
        executed: The last steps of these that run: the higher, the more of the background is invented.
        range_weight: Weight of the loss that keeps predicted pictures in [-1, 1].
        adversary_scale: Weight of the classifier's gradient.
        compat: Published defects to reproduce; ``all`` for every one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    respacing: int = Field(100, ge=2, le=1000)
    executed: int = Field(25, ge=1)
    range_weight: float = Field(50.0, ge=0)
    adversary_scale: float = Field(10.0, ge=0)
    compat: tuple[Quirk, ...] = ()

    @field_validator("compat", mode="before")
    @classmethod
    def _every_quirk(cls, value: Any) -> Any:
        return QUIRKS if value == "all" else value

    @model_validator(mode="after")
    def _check_steps(self) -> FaithfulSettings:
        if self.executed > self.respacing:
            raise ValueError(f"executed ({self.executed}) is more than respacing ({self.respacing})")
        return self


class RenderSettings(BaseModel):
    """How edits are rendered.

    Attributes:
        mode: ``modern`` edits through latent inpainting at the source's resolution; ``faithful`` through guided pixel
            diffusion, as published, in frames of the model's size.
        faithful: Settings of faithful mode.
        surrogate: The pack's role whose classifier ``adversarial`` backgrounds are made against.
        complexity_step: How far a complexity of 1 moves the clean latents per step, as a share of their deviation, in
            modern mode.
        attack_step: The same for the classifier's gradient of ``adversarial``.
        strength: How much of the noise schedule ``round-trip``, ``complexity`` and ``adversarial`` run in modern mode,
            in (0, 1].
        steps: Sampling steps per generated picture in modern mode; 0 for the pack's own number.
        guidance: Classifier-free guidance scale; 0 for the pack's own.
        removal: What fills the place of a removed object: ``models`` (the pack's LaMa or inpainting), ``patches``
            (PatchMatch: the picture's own surroundings, without weights), or ``auto``: models, if the pack knows the
            source's pictures, else patches.
        dilation: By how much of the longer side of the object's box the hole of a removal grows; empty for 0.04 with
            patches, 0.08 with models on photographs, or 0.2 in the world that the pack was trained on.
        closing: Gaps of the mask up to twice this share of that side are closed, and holes in it filled; empty for
            0.05 on photographs and with patches, else 0.
        shadows: Whether a cast shadow is found and removed with its object; empty for photographs and patches only.
        most_hole: Largest share of the frame that a removal may fill; empty for 1, or 0.4 with patches.
        feather: Width in pixels of the seam between removed region and source.
        max_upsampling: Largest allowed enlargement of source pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["modern", "faithful"] = "modern"
    faithful: FaithfulSettings = FaithfulSettings()
    surrogate: str = "classifier"
    complexity_step: float = Field(0.4, gt=0)
    attack_step: float = Field(0.4, gt=0)
    strength: float = Field(0.6, gt=0, le=1)
    steps: int = Field(0, ge=0, le=1000)
    guidance: float = Field(0.0, ge=0)
    removal: Removal = "auto"
    dilation: float | None = Field(None, ge=0, le=1)
    closing: float | None = Field(None, ge=0, le=0.5)
    shadows: bool | None = None
    most_hole: float | None = Field(None, gt=0, le=1)
    feather: float = Field(FEATHER, gt=0)
    max_upsampling: float = Field(2.0, ge=1)

    def steps_run(self, steps: int) -> int:
        """Return how many of so many steps a background runs that starts from its source, as diffusers cuts them."""
        return min(steps, int(steps * self.strength))

    def chosen(self, *, models: bool = True, photographs: bool = False) -> RenderSettings:
        """Return the same with nothing about removal left open.

        Args:
            models: Whether the pack's can be trusted with such pictures.
            photographs: Whether the pictures are others than those of the pack's own toy world.
        """
        removal = self.removal if self.removal != "auto" else "models" if models else "patches"
        patches = removal == "patches"
        real = patches or photographs
        open_ones = {
            "dilation": PATCH_DILATION if patches else PHOTO_DILATION if photographs else DILATION,
            "closing": CLOSING if real else 0.0,
            "shadows": real,
            "most_hole": PATCH_MOST_HOLE if patches else 1.0,
        }
        left = {name: value for name, value in open_ones.items() if getattr(self, name) is None}
        return self.model_copy(update={"removal": removal, **left})


class AttributeSettings(Settings):
    """The ``attribute`` generator's part of a recipe.

    Attributes:
        edits: What to make of every source.
        render: How edits are rendered.
        unknown_world: What becomes of edits whose backgrounds the pack generates when it was not trained on such
            sources: ``skip`` leaves them out, ``make`` makes them.
    """

    kind: Literal["attribute"] = "attribute"
    edits: tuple[EditSettings, ...] = Field(min_length=1)
    render: RenderSettings = RenderSettings()
    unknown_world: UnknownWorld = "skip"

    @model_validator(mode="after")
    def _check_mode(self) -> AttributeSettings:
        if self.render.mode == "faithful" and any(edit.name == "background" for edit in self.edits):
            raise ValueError(
                "the edit background reads a prompt, which faithful mode's model can't; leave it out, or use modern "
                "mode"
            )
        if self.render.faithful.compat and self.render.mode == "modern":
            raise ValueError("render.faithful.compat is for faithful mode")
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> AttributeSettings:
        labels = [label for edit in self.edits for label in edit.labels()]
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated:
            raise ValueError(
                f"edits would share the keys {', '.join(repeated)}; give each once, with levels that differ, and use "
                "count for draws"
            )
        return self
