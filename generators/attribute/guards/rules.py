"""The limits of a recipe as rules over scores, without any model: what makes the guards, and what judges a finished
dataset again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from editmill.generators.attribute.guards.limits import (
    AreaRule,
    BackgroundChangedRule,
    ComplexityRule,
    FillRule,
    HaloRule,
    LabelRule,
    MaskRule,
    ObjectPixelsRule,
    PlacementRule,
    Rule,
    SanityRule,
    SourceRule,
)
from editmill.generators.attribute.guards.scores import FILL, MASK
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.edits import Edit
from editmill.generators.guards.segmentation_rule import SegmentationRule


@dataclass(frozen=True)
class Rules:
    """The limits of a recipe's guards, in the order in which these give their reasons."""

    source: SourceRule
    object_pixels: ObjectPixelsRule
    area: AreaRule
    placement: PlacementRule
    sanity: SanityRule
    background: BackgroundChangedRule
    halo: HaloRule
    complexity: ComplexityRule
    mask: MaskRule
    fill: FillRule
    segmentation: SegmentationRule
    label: LabelRule


def limits_of(settings: GuardSettings) -> Rules:
    """Return the limits that settings hold."""
    mask, fill = ({name: getattr(settings, name) for name in names} for names in (MASK, FILL))
    return Rules(
        SourceRule(settings.least_share, settings.most_share, settings.least_component, settings.border),
        ObjectPixelsRule(settings.object_difference),
        AreaRule(settings.area_tolerance),
        PlacementRule(settings.centroid_tolerance, settings.angle_tolerance),
        SanityRule(settings.contrast, settings.black, settings.correlation),
        BackgroundChangedRule(settings.background_change),
        HaloRule(settings.halo, settings.halo_ratio),
        ComplexityRule(settings.complexity_margin),
        MaskRule(mask),
        FillRule(fill),
        SegmentationRule(settings.mask_iou, settings.small_mask_iou, settings.expansion),
        LabelRule(settings.label_margin),
    )


@dataclass(frozen=True)
class Said:
    """A guard whose verdict scores don't tell: ``reason`` stays said."""

    reason: StrEnum


def rules_of(settings: GuardSettings) -> tuple[Rule | Said, ...]:
    """Return one rule per guard, in the order in which the guards give their reasons.

    What the removal guard's judges saw in the source is no score, and the duplicate guard counted the detections above
    a score: both keep what they said.
    """
    kept = Said(AttributeReason.REMOVAL_RESIDUAL), Said(AttributeReason.DUPLICATE_OBJECT)
    *measuring, segmentation, label = vars(limits_of(settings)).values()
    return *measuring, *kept, segmentation, label


def decide_again(
    rules: tuple[Rule | Said, ...], edit: Edit, scores: Mapping[str, float], said: tuple[str, ...]
) -> tuple[dict[str, float], list[str]]:
    """Return scores with those that follow from limits, and the reasons that ``rules`` give.

    Args:
        rules: From ``rules_of``.
        edit: Name and level, and the recorded scale among its parameters.
        scores: Of the candidate.
        said: The reasons that it was rejected for.
    """
    found, reasons = dict(scores), list[str]()
    for rule in rules:
        if isinstance(rule, Said):
            reasons += [rule.reason] if rule.reason in said else []
        else:
            verdict = rule.decide(edit, found)
            found, reasons = verdict.scores, [*reasons, *verdict.reasons]
    return found, reasons
