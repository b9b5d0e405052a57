"""Other thresholds on finished attribute edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.base.edits import Edit
from editmill.generators.base.family import Decision, Judge, Regating
from editmill.generators.compositing.defaults import FILL_LIMITS, MASK_LIMITS
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import SampleRow

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
    **{name: name for name in (*MASK_LIMITS, *FILL_LIMITS)},
    "label_margin": "label_margin",
}


class AttributeRegating(Regating[GuardSettings]):
    """Applies the limits of attribute guards to stored scores."""

    limited = LIMITED
    relative = frozenset({"halo_ratio", "complexity_margin", "expansion"})
    judged: ClassVar[Mapping[str, str]] = {"mask_iou": "segment_judged", "label_margin": "label_judged"}
    why_not = {
        "attempts": "more attempts have to be rendered",
        "judges": "other judges have to look at the pictures",
        "detection": "detections were counted above it, and rows lack what was found in the source",
        "removal_probability": "rows lack what its judges saw in the source",
    }

    def judge(self, guard: GuardSettings, report: GuardReport | None) -> Judge:
        from editmill.generators.attribute.guards.rules import decide_again, rules_of

        rules = rules_of(guard)

        def judge(row: SampleRow, scores: Mapping[str, float], said: Sequence[str]) -> Decision:
            # Small objects have a limit of their own for mask_iou, and the scale tells their size.
            scale = float(row.parameters.get("scale", 1.0))
            edit = Edit(row.generator, row.edit, row.level, (("scale", scale),))
            found, reasons = decide_again(rules, edit, scores, tuple(said))
            return Decision(found, tuple(reasons))

        return judge
