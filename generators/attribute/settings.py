"""Settings of attribute editing, as they stand in a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from generators.base import edit_label

EditName = Literal["original", "paste-back", "size", "full", "position", "direction", "background", "random-background"]


class EditSettings(BaseModel):
    """One edit of the recipe.

    Attributes:
        name: which edit.
        levels: for ``size``: the object's shares of the frame, one planned sample each.
        size: for ``position`` and ``direction``: the object's share of the frame.
        angles: for ``direction``: lowest and highest angle in whole degrees, both included.
        prompts: for ``background``: prompts to draw from; empty for the pack's own.
        count: for ``background`` and ``random-background``: draws per source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: EditName
    levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.1, 0.08, 0.05)
    size: float = Field(0.05, gt=0, lt=1)
    angles: tuple[int, int] = (-45, 44)
    prompts: tuple[str, ...] = ()
    count: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _check_angles(self) -> EditSettings:
        if self.angles[0] > self.angles[1]:
            raise ValueError(f"the lowest angle {self.angles[0]} is above the highest, {self.angles[1]}")
        return self

    def labels(self) -> list[str]:
        """The labels of the planned edits, without replicas."""
        if self.name == "size":
            return [edit_label(self.name, level) for level in self.levels]
        return [edit_label(self.name, self.size if self.name in ("position", "direction") else 0.0)]


class RenderSettings(BaseModel):
    """How edits are rendered.

    Attributes:
        steps: sampling steps per generated picture; 0 for the pack's own number.
        guidance: classifier-free guidance scale; 0 for the pack's own.
        dilation: by how much of the longer side of the object's box the removal mask grows.
        feather: width in pixels of the seam between removed region and source.
        max_upsampling: largest allowed enlargement of source pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(0, ge=0, le=1000)
    guidance: float = Field(0.0, ge=0)
    dilation: float = Field(0.14, ge=0, le=1)
    feather: float = Field(4.0, gt=0)
    max_upsampling: float = Field(2.0, ge=1)


class AttributeSettings(BaseModel):
    """The ``attribute`` generator's part of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["attribute"] = "attribute"
    edits: tuple[EditSettings, ...] = Field(min_length=1)
    render: RenderSettings = RenderSettings()

    @model_validator(mode="after")
    def _check_labels(self) -> AttributeSettings:
        labels = [label for edit in self.edits for label in edit.labels()]
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated:
            raise ValueError(f"edits would share the keys {', '.join(repeated)}; give each once, with levels that differ, and use count for draws")
        return self
