"""The limits of each guard: what they say of scores alone, without a picture or a model.

Finished datasets are judged again by them, where neither OpenCV nor torch need be installed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.guards.scores import CONTROL, MASK, SUFFIXES
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.edits import Edit
from editmill.generators.base.guards import Verdict
from editmill.generators.base.reasons import Reason
from editmill.generators.guards.reasons import GuardReason


class Rule(Protocol):
    """The limits of a guard."""

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        """Return the scores with those that follow from limits, and the reasons to reject.

        Scores that are missing reject nothing.
        """


@dataclass(frozen=True)
class SourceRule:
    """Limits of ``SourceGuard``.

    Attributes:
        least_share: Least share of the frame that the mask covers.
        most_share: Largest share of the frame.
        least_component: Least share of the mask that its largest connected component holds.
        border: Least pixels between the object's box and the frame, for geometric edits; 0 allows objects that the
            frame cuts off, which the renderer keeps at their border.
    """

    least_share: float = 0.01
    most_share: float = 0.6
    least_component: float = 0.9
    border: int = 0

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        # A missing score counts as one at its limit, so that it rejects nothing.
        share = scores.get("source_share", self.most_share)
        component = scores.get("source_component", self.least_component)
        fits = self.least_share <= share <= self.most_share and component >= self.least_component
        clear = scores.get("source_border", self.border) >= self.border or not kind_of(edit.name).geometric
        return Verdict(dict(scores), () if fits and clear else (Reason.SOURCE_INELIGIBLE,))


@dataclass(frozen=True)
class ObjectPixelsRule:
    """Limit of ``ObjectPixelsGuard``: the largest difference of a byte."""

    limit: int = 0

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        fine = scores.get("object_difference", 0.0) <= self.limit
        return Verdict(dict(scores), () if fine else (AttributeReason.OBJECT_PIXELS_CHANGED,))


@dataclass(frozen=True)
class AreaRule:
    """Limit of ``AreaGuard``: the largest error of the share of the frame."""

    tolerance: float = 0.005

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        fine = scores.get("area_error", 0.0) <= self.tolerance
        return Verdict(dict(scores), () if fine else (AttributeReason.GEOMETRY_OFF,))


@dataclass(frozen=True)
class PlacementRule:
    """Limits of ``PlacementGuard``.

    Attributes:
        centroid_tolerance: Largest allowed distance in pixels.
        angle_tolerance: Largest allowed difference in degrees.
    """

    centroid_tolerance: float = 1.0
    angle_tolerance: float = 1.0

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        turned = scores.get("angle_error", 0.0) > self.angle_tolerance
        off = turned or scores.get("centroid_error", 0.0) > self.centroid_tolerance
        return Verdict(dict(scores), (AttributeReason.GEOMETRY_OFF,) if off else ())


@dataclass(frozen=True)
class SanityRule:
    """Limits of ``SanityGuard``.

    Attributes:
        least_contrast: Least standard deviation of all bytes.
        most_black: Largest share of newly black pixels.
        least_correlation: Least correlation of neighbours.
    """

    least_contrast: float = 2.0
    most_black: float = 0.02
    least_correlation: float = 0.3

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        sane = (
            scores.get("contrast", self.least_contrast) >= self.least_contrast
            and scores.get("black_share", 0.0) <= self.most_black
            and scores.get("correlation", self.least_correlation) >= self.least_correlation
        )
        return Verdict(dict(scores), () if sane else (Reason.SANITY,))


@dataclass(frozen=True)
class BackgroundChangedRule:
    """Limit of ``BackgroundChangedGuard``: the least mean difference of bytes."""

    least: float = 4.0

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        changed = scores.get("background_change", self.least) >= self.least
        return Verdict(dict(scores), () if changed else (GuardReason.EDIT_ABSENT,))


@dataclass(frozen=True)
class HaloRule:
    """Limits of ``HaloGuard``.

    Attributes:
        limit: Largest halo in grey levels.
        ratio: A halo of up to this many times the source's is allowed as well.
    """

    limit: float = 8.0
    ratio: float = 1.5

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        fine = scores.get("halo", 0.0) <= max(self.limit, self.ratio * scores.get("source_halo", 0.0))
        return Verdict(dict(scores), () if fine else (AttributeReason.EDGE_HALO,))


@dataclass(frozen=True)
class ComplexityRule:
    """Limit of ``ComplexityGuard``: the least difference from the control in grey levels, which has to be above it."""

    margin: float = 0.0

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        control, measured = scores.get(CONTROL), scores.get("complexity", math.nan)
        if control is None:
            return Verdict(dict(scores))
        # NaN, where no window fits beside the object, is not below the margin and rejects nothing.
        change = math.copysign(1, edit.level) * (measured - control)
        return Verdict(dict(scores), (AttributeReason.COMPLEXITY_ORDER,) if change <= self.margin else ())


@dataclass(frozen=True)
class MaskRule:
    """Limits of ``MaskGuard``: the largest allowed value of each score.

    Edits that only move the object with all around it look through its gaps at itself; what lies beside the mask is
    cut off by the frame.
    """

    limits: Mapping[str, float]

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        kind = kind_of(edit.name)
        judged = MASK if kind.removes or kind.replaced else ("mask_missed",) if kind.geometric else ()
        short = any(scores.get(name, 0.0) > self.limits[name] for name in judged)
        return Verdict(dict(scores), (AttributeReason.MASK_INCOMPLETE,) if short else ())


# What each score of a filled hole says, in the order of the reasons.
FILL_REASONS: Mapping[str, AttributeReason] = {
    "fill_smooth": AttributeReason.FILL_UNLIKE,
    "fill_plain": AttributeReason.FILL_UNLIKE,
    "fill_colour": AttributeReason.FILL_UNLIKE,
    "fill_seam": AttributeReason.FILL_SEAM,
    "fill_remnant": AttributeReason.OBJECT_LEFT,
    "fill_traces": AttributeReason.OBJECT_LEFT,
    "fill_likeness": AttributeReason.OBJECT_LEFT,
}


@dataclass(frozen=True)
class FillRule:
    """Limits of ``FillGuard``: the largest allowed value of each score."""

    limits: Mapping[str, float]

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        found = (reason for name, reason in FILL_REASONS.items() if scores.get(name, 0.0) > self.limits[name])
        return Verdict(dict(scores), tuple(dict.fromkeys(found)))


@dataclass(frozen=True)
class LabelRule:
    """Rejects when every judge that recognised the source, with more than ``margin``, does not pass it on the edited
    picture.

    ``label_judged`` says which of the judges recognised the source.
    """

    margin: float = 0.0

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        found, opinions = dict(scores), []
        for suffix in SUFFIXES:
            before, after = scores.get("label_source_margin" + suffix), scores.get("label_margin" + suffix)
            if before is not None and after is not None:
                # Strictly above: a source that only meets the limit was not recognised.
                found["label_judged" + suffix] = float(before > self.margin)
                opinions += [after] if before > self.margin else []
        return Verdict(found, (GuardReason.LABEL_MARGIN_LOW,) if opinions and max(opinions) <= self.margin else ())
