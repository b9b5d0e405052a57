"""Limits of the guards of edited pictures, as they are written in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from editmill.generators.base.family import Settings
from editmill.generators.compositing.defaults import FILL_LIMITS, MASK_LIMITS

# Roles that nothing is evaluated with: classifiers and the evaluation encoder may not choose the pictures that they are
# measured on.
JudgeRole = Literal["zero_shot", "zero_shot_2"]


class GuardSettings(Settings):
    """Limits that a candidate has to keep.

    Docs/imagenet-e.md says how each is measured, and ``editmill audit`` measures what they catch.

    Attributes:
        attempts: Candidates per planned sample; only edits with fresh noise are retried.
        judges: Roles that judge labels and removals; those that the pack lacks stay silent.
        least_share, most_share: Limits of the object's share of the source's frame.
        least_component: Least share of the object that its largest connected part holds.
        border: Least pixels between the object's box and the frame in geometric edits; 0 allows objects that the frame
            cuts off.
        object_difference: Largest allowed difference of an object byte.
        area_tolerance: Largest allowed difference between planned and realised share of the object.
        centroid_tolerance: Largest allowed distance in pixels of the object's centroid from where the recorded matrix
            puts it.
        angle_tolerance: Largest allowed difference in degrees between planned and recorded angle.
        contrast: Least standard deviation of the picture's bytes.
        black: Largest share of newly black pixels.
        correlation: Least correlation of neighbouring background pixels.
        background_change: Least mean change of a replaced background in grey levels.
        removal_probability: P(class) against nothing from which a judge still sees a removed object.
        detection: Score above which a detection counts.
        mask_iou: Least IoU of the re-segmented and the intended object, apart from one pixel on either side of its
            outline.
        small_mask_iou: The same for objects below 3 % of the frame.
        expansion: Largest area that the re-segmented object has beyond the intended one's outline, as a share of it,
            above that in the source.
        halo: Largest mean excess of a line along the outline over what lies on both sides of it, in grey levels.
        halo_ratio: A halo of up to this many times the source's is allowed as well.
        complexity_margin: By how many grey levels a complexity edit has to move the background's mid frequencies in its
            direction.
        mask_gaps, mask_missed: Largest area with the object's colours in the gaps of its mask and beside it, as a share
            of the mask, in edits that part it from its surroundings. These limits, and the next seven, bind on
            photographs.
        fill_smooth, fill_plain: Largest share of a filled hole that is smoother than nine tenths of its surroundings,
            in fine and in coarse detail.
        fill_colour: Largest share of it whose colours its surroundings lack.
        fill_seam: Largest step along its rim, in octaves above those along parallel curves.
        fill_remnant, fill_traces: Largest area with the removed object's colours beside the hole and in it, as a share
            of what the object had.
        fill_likeness: Largest correlation of the object with what the fill shows.
        label_margin: Least margin of the labelled class over any other, where the judge recognised the source.
    """

    kind: Literal["attribute"] = "attribute"
    attempts: int = Field(3, ge=1, le=20)
    judges: tuple[JudgeRole, ...] = Field(("zero_shot", "zero_shot_2"), max_length=2)
    least_share: float = Field(0.01, ge=0, le=1)
    most_share: float = Field(0.6, ge=0, le=1)
    least_component: float = Field(0.9, ge=0, le=1)
    border: int = Field(0, ge=0)
    object_difference: int = Field(0, ge=0, le=255)
    area_tolerance: float = Field(0.005, gt=0, lt=1)
    centroid_tolerance: float = Field(1.0, gt=0)
    angle_tolerance: float = Field(1.0, gt=0, le=180)
    contrast: float = Field(2.0, ge=0)
    black: float = Field(0.02, ge=0, le=1)
    correlation: float = Field(0.3, ge=-1, le=1)
    background_change: float = Field(4.0, ge=0, le=255)
    removal_probability: float = Field(0.1, gt=0, le=1)
    detection: float = Field(0.3, gt=0, lt=1)
    mask_iou: float = Field(0.9, ge=0, le=1)
    small_mask_iou: float = Field(0.8, ge=0, le=1)
    expansion: float = Field(0.03, ge=0)
    halo: float = Field(8.0, ge=0, le=255)
    halo_ratio: float = Field(1.5, ge=0)
    complexity_margin: float = Field(0.0, ge=0)
    mask_gaps: float = Field(MASK_LIMITS["mask_gaps"], ge=0)
    mask_missed: float = Field(MASK_LIMITS["mask_missed"], ge=0)
    fill_smooth: float = Field(FILL_LIMITS["fill_smooth"], ge=0, le=1)
    fill_plain: float = Field(FILL_LIMITS["fill_plain"], ge=0, le=1)
    fill_colour: float = Field(FILL_LIMITS["fill_colour"], ge=0, le=1)
    fill_seam: float = Field(FILL_LIMITS["fill_seam"])
    fill_remnant: float = Field(FILL_LIMITS["fill_remnant"], ge=0)
    fill_traces: float = Field(FILL_LIMITS["fill_traces"], ge=0)
    fill_likeness: float = Field(FILL_LIMITS["fill_likeness"], ge=0, le=1)
    label_margin: float = Field(0.0, ge=-1, le=1)
