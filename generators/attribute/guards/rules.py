"""The limits of a recipe as rules over scores, without any model: what makes the guards, and what judges a finished
dataset again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from editmill.generators.attribute.guards.base import Rule
from editmill.generators.attribute.guards.complexity import ComplexityGuard
from editmill.generators.attribute.guards.eligibility import SourceGuard
from editmill.generators.attribute.guards.fill import FillGuard
from editmill.generators.attribute.guards.halo import HaloGuard
from editmill.generators.attribute.guards.label import LabelRule
from editmill.generators.attribute.guards.mask import MaskGuard
from editmill.generators.attribute.guards.pixels import (
    AreaGuard,
    BackgroundChangedGuard,
    ObjectPixelsGuard,
    SanityGuard,
)
from editmill.generators.attribute.guards.placement import PlacementGuard
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.edits import Edit
from editmill.generators.guards.segmentation import SegmentationRule

MeasuringGuards = tuple[
    SourceGuard,
    ObjectPixelsGuard,
    AreaGuard,
    PlacementGuard,
    SanityGuard,
    BackgroundChangedGuard,
    HaloGuard,
    ComplexityGuard,
]


def measuring_guards(settings: GuardSettings) -> MeasuringGuards:
    """Return the guards that need no model, which are rules as well, in their order."""
    return (
        SourceGuard(
            least_share=settings.least_share,
            most_share=settings.most_share,
            least_component=settings.least_component,
            border=settings.border,
        ),
        ObjectPixelsGuard(limit=settings.object_difference),
        AreaGuard(tolerance=settings.area_tolerance),
        PlacementGuard(centroid_tolerance=settings.centroid_tolerance, angle_tolerance=settings.angle_tolerance),
        SanityGuard(
            least_contrast=settings.contrast, most_black=settings.black, least_correlation=settings.correlation
        ),
        BackgroundChangedGuard(least=settings.background_change),
        HaloGuard(limit=settings.halo, ratio=settings.halo_ratio),
        ComplexityGuard(margin=settings.complexity_margin),
    )


def segmentation_rule(settings: GuardSettings) -> SegmentationRule:
    """Return the limits of ``SegmentationGuard``."""
    return SegmentationRule(settings.mask_iou, settings.small_mask_iou, settings.expansion)


def photograph_guards(settings: GuardSettings) -> tuple[MaskGuard, FillGuard]:
    """Return the guards that bind on photographs, where models may know nothing; they are rules as well."""
    mask, fill = ({name: getattr(settings, name) for name in guard.score_names} for guard in (MaskGuard, FillGuard))
    return MaskGuard(mask), FillGuard(fill)


def label_rule(settings: GuardSettings) -> LabelRule:
    """Return the limits of ``LabelGuard``."""
    return LabelRule(settings.label_margin)


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
    return (
        *measuring_guards(settings),
        *photograph_guards(settings),
        *kept,
        segmentation_rule(settings),
        label_rule(settings),
    )


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
