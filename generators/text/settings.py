"""Settings of text edits, as they are written in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from editmill.generators.base.family import Settings
from editmill.generators.base.worlds import UnknownWorld
from editmill.generators.text.edits import TextEditName


class TextEditSettings(BaseModel):
    """One edit of the recipe.

    Attributes:
        name: Which edit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TextEditName


class GroupShares(BaseModel):
    """How often each group of attributes comes first at a slot, in proportion; 0 leaves a group out.

    A word of another group is taken where the first one shows nothing.

    Attributes:
        size, state, shape, colour, pattern, material: Weight of the group, relative to the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: float = Field(1.0, ge=0)
    state: float = Field(1.0, ge=0)
    shape: float = Field(1.0, ge=0)
    colour: float = Field(1.0, ge=0)
    pattern: float = Field(1.0, ge=0)
    material: float = Field(1.0, ge=0)


class InsertionSettings(BaseModel):
    """How attributes are inserted.

    Attributes:
        per_caption: Most insertions in a caption; a noun gets one at most.
        groups: How often each group comes first.
        boxes: Where objects' boxes come from: the pack's detector, or the source's own annotations.
        detection: Least score of a detected box.
        short_side: Least shorter side of a box in pixels.
        crop_margin: By how much of its sides a box grows on each side before it is cropped.
        large, small: Area from which on an object is large, and up to which it is small, relative to what it is
            compared with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_caption: int = Field(2, ge=1, le=8)
    groups: GroupShares = GroupShares()
    boxes: Literal["detector", "annotations"] = "detector"
    detection: float = Field(0.4, gt=0, lt=1)
    short_side: int = Field(16, ge=1)
    crop_margin: float = Field(0.15, ge=0, le=1)
    large: float = Field(1.5, gt=1)
    small: float = Field(0.67, gt=0, lt=1)


class XmaiSettings(BaseModel):
    """The published algorithm (Ramshetty et al., arXiv 2306.11065), with the values of its paper's run.

    Attributes:
        weights: Of the masked model's probability, of similarity to detected attributes, and of dissimilarity to the
            image.
        threshold: Least similarity of a noun to a detected name, for the slots of ``sim``.
        slots: ``direct`` (detected names), ``sim`` (similar nouns), or ``mix``: similar nouns where no name stands in
            the caption.
        top: Words that the masked model proposes.
        kept: Words of these that are scored.
        legacy_bugs: Defects of the published scripts to reproduce, 1 to 5 in the order of the documentation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[float, float, float] = (1.0, 5.0, 5.0)
    threshold: float = Field(0.7, ge=-1, le=1)
    slots: Literal["mix", "direct", "sim"] = "mix"
    top: int = Field(20, ge=1)
    kept: int = Field(3, ge=1)
    legacy_bugs: tuple[Literal[1, 2, 3, 4, 5], ...] = ()


class DilutionSettings(BaseModel):
    """How captions are diluted.

    Attributes:
        writer: ``causal_lm``: sentences sampled from the pack's language model; ``template``: "the ball is red."
        candidates: Texts that the language model writes for each sentence.
        top_k, top_p, temperature, max_tokens: How it samples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    writer: Literal["causal_lm", "template"] = "causal_lm"
    candidates: int = Field(8, ge=1, le=64)
    top_k: int = Field(10, ge=1)
    top_p: float = Field(0.9, gt=0, le=1)
    temperature: float = Field(0.8, gt=0)
    max_tokens: int = Field(24, ge=4, le=128)


class TextSettings(Settings):
    """The ``text`` generator's part of a recipe.

    Attributes:
        edits: What to make of every caption.
        insertion: How attributes are inserted.
        xmai: The published algorithm.
        dilution: How captions are diluted.
        unknown_world: What becomes of edits whose words or places the pack's judges choose when it was not trained on
            such sources: ``skip`` leaves them out, ``make`` makes them.
        max_characters: Most characters of a caption. No model reads a longer one; it fails as ``text_too_long``.
    """

    kind: Literal["text"] = "text"
    edits: tuple[TextEditSettings, ...] = Field(min_length=1)
    insertion: InsertionSettings = InsertionSettings()
    xmai: XmaiSettings = XmaiSettings()
    dilution: DilutionSettings = DilutionSettings()
    unknown_world: UnknownWorld = "skip"
    max_characters: int = Field(5000, ge=1, le=20_000)

    @model_validator(mode="after")
    def _check_names(self) -> TextSettings:
        names = [edit.name for edit in self.edits]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"edits would share the keys {', '.join(repeated)}; give each once")
        return self


class TextGuardSettings(Settings):
    """Limits that an edited caption has to keep; docs/xmai.md says how each is measured.

    Attributes:
        fluency: By how many nats per token the pseudo-log-likelihood may fall.
        entailment: Least probability that the edited caption entails its source, where the pack has an ``nli`` model.
        image_margin: Least lead of the inserted word over every other word of its group, in units of the second judge's
            logits.
    """

    kind: Literal["text"] = "text"
    fluency: float = Field(1.0, gt=0)
    entailment: float = Field(0.9, ge=0, le=1)
    image_margin: float = Field(0.0, ge=-100, le=100)
