"""The limits of a recipe as rules over scores, without any model: what makes the guards, and what judges a finished
dataset again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from editmill.generators.base import Edit
from editmill.generators.guards.base import Rule
from editmill.generators.guards.complexity import ComplexityGuard
from editmill.generators.guards.eligibility import SourceGuard
from editmill.generators.guards.halo import HaloGuard
from editmill.generators.guards.label import LabelRule
from editmill.generators.guards.pixels import AreaGuard, BackgroundChangedGuard, ObjectPixelsGuard, SanityGuard
from editmill.generators.guards.placement import PlacementGuard
from editmill.generators.guards.segmentation import SegmentationRule
from editmill.generators.guards.settings import GuardSettings
from editmill.generators.reasons import Reason

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
# The score that each limit is put on. Limits of models that were asked with them are not here: rows lack what they
# found in the source.
LIMITED: Mapping[str, str] = {
    "least_share": "source_share",
    "most_share": "source_share",
    "least_component": "source_component",
    "border": "source_border",
    "object_difference": "object_difference",
    "area_tolerance": "area_error",
    "centroid_tolerance": "centroid_error",
    "angle_tolerance": "angle_error",
    "contrast": "contrast",
    "black": "black_share",
    "correlation": "correlation",
    "background_change": "background_change",
    "mask_iou": "mask_iou",
    "small_mask_iou": "mask_iou",
    "expansion": "expansion",
    "halo": "halo",
    "halo_ratio": "halo",
    "complexity_margin": "complexity_control",
    "label_margin": "label_margin",
}


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
    """Return limits of ``SegmentationGuard``."""
    return SegmentationRule(settings.mask_iou, settings.small_mask_iou, settings.expansion)


def label_rule(settings: GuardSettings) -> LabelRule:
    """Return limits of ``LabelGuard``."""
    return LabelRule(settings.label_margin)


@dataclass(frozen=True)
class Said:
    """A guard whose verdict scores don't tell: ``reason`` stays said."""

    reason: Reason


def rules_of(settings: GuardSettings) -> tuple[Rule | Said, ...]:
    """Return one rule per guard, in the order in which the guards give their reasons.

    What the removal guard's judges saw in the source is no score, and the duplicate guard counted the detections above
    a score: both keep what they said.
    """
    kept = Said(Reason.REMOVAL_RESIDUAL), Said(Reason.DUPLICATE_OBJECT)
    return (*measuring_guards(settings), *kept, segmentation_rule(settings), label_rule(settings))


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
