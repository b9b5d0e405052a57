"""Every guard of attribute edits, in the order in which they give their reasons."""

from __future__ import annotations

from editmill.generators.attribute.guards.base import Guard
from editmill.generators.attribute.guards.complexity import ComplexityGuard
from editmill.generators.attribute.guards.duplicates import DuplicateGuard
from editmill.generators.attribute.guards.eligibility import SourceGuard
from editmill.generators.attribute.guards.fill import FillGuard
from editmill.generators.attribute.guards.halo import HaloGuard
from editmill.generators.attribute.guards.label import LabelGuard
from editmill.generators.attribute.guards.mask import MaskGuard
from editmill.generators.attribute.guards.pixels import (
    AreaGuard,
    BackgroundChangedGuard,
    ObjectPixelsGuard,
    SanityGuard,
)
from editmill.generators.attribute.guards.placement import PlacementGuard
from editmill.generators.attribute.guards.removal import RemovalGuard
from editmill.generators.attribute.guards.rules import Rules, limits_of
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.guards.segmentation import SegmentationGuard
from editmill.generators.models.detector import Detector
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models

GUARDS: tuple[type[Guard], ...] = (
    SourceGuard,
    ObjectPixelsGuard,
    AreaGuard,
    PlacementGuard,
    SanityGuard,
    BackgroundChangedGuard,
    HaloGuard,
    ComplexityGuard,
    MaskGuard,
    FillGuard,
    RemovalGuard,
    DuplicateGuard,
    SegmentationGuard,
    LabelGuard,
)


def make_guards(
    rule: GuardSettings, models: Models, *, class_names: tuple[str, ...], photographs: bool = False
) -> list[Guard]:
    """Return the guards of a recipe in the order of ``GUARDS``, without those whose roles the pack lacks.

    Args:
        rule: Their limits.
        models: The pack's.
        class_names: The dataset's classes.
        photographs: Whether the sources are no pictures of the pack's own world, so that its judges can't be relied on.
    """
    batch = models.placement.pictures
    judges = [ZeroShotJudge(models, role=role, batch=batch) for role in rule.judges if role in models.pack.roles]
    limits = limits_of(rule)
    guards: list[Guard] = [*_measuring(limits)]
    if photographs:
        guards += [MaskGuard(limits.mask), FillGuard(limits.fill)]
    detector = Detector(models, batch=batch) if "detector" in models.pack.roles else None
    if detector or judges:
        backgrounds = models.pack.backgrounds
        guards.append(
            RemovalGuard(
                judges,
                detector,
                backgrounds=backgrounds,
                probability=rule.removal_probability,
                threshold=rule.detection,
            )
        )
    if detector:
        guards.append(DuplicateGuard(detector, threshold=rule.detection))
    if "segmenter" in models.pack.roles:
        # Its libraries load for seconds.
        from editmill.generators.models.segmenter import Segmenter

        guards.append(SegmentationGuard(Segmenter(models, batch=batch), rule=limits.segmentation))
    return [*guards, LabelGuard(*judges, class_names=class_names, rule=limits.label)] if judges else guards


def _measuring(limits: Rules) -> tuple[Guard, ...]:
    """Return the guards that need no model and bind on every picture."""
    return (
        SourceGuard(limits.source),
        ObjectPixelsGuard(limits.object_pixels),
        AreaGuard(limits.area),
        PlacementGuard(limits.placement),
        SanityGuard(limits.sanity),
        BackgroundChangedGuard(limits.background),
        HaloGuard(limits.halo),
        ComplexityGuard(limits.complexity),
    )
