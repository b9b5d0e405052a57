"""Names of the guards' scores, apart from what computes them: plans name them and load no network."""

from __future__ import annotations

from editmill.generators.guards.ensemble.scores import SEGMENTATION_SCORES

# C_mid of the control that guided backgrounds are compared with.
CONTROL = "complexity_control"
# Of the first judge; those of the second end in its suffix.
SUFFIXES = ("", "_2")

SOURCE = ("source_share", "source_component", "source_border")
OBJECT_PIXELS = ("object_difference",)
AREA = ("area", "area_error")
PLACEMENT = ("centroid_error", "angle_error")
SANITY = ("contrast", "black_share", "correlation")
BACKGROUND = ("background_change",)
HALO = ("halo", "source_halo")
COMPLEXITY = ("complexity", CONTROL)
MASK = ("mask_gaps", "mask_missed")
FILL = ("fill_smooth", "fill_plain", "fill_colour", "fill_seam", "fill_remnant", "fill_traces", "fill_likeness")
REMOVAL = ("removal_judged", "removal_detection", "removal_probability", "removal_probability_2")
DUPLICATES = ("duplicate_judged", "duplicates", "source_duplicates")
LABEL = tuple(name + suffix for suffix in SUFFIXES for name in ("label_judged", "label_margin", "label_source_margin"))
# In the order in which the guards give their reasons.
SCORE_NAMES: tuple[str, ...] = (
    *SOURCE,
    *OBJECT_PIXELS,
    *AREA,
    *PLACEMENT,
    *SANITY,
    *BACKGROUND,
    *HALO,
    *COMPLEXITY,
    *MASK,
    *FILL,
    *REMOVAL,
    *DUPLICATES,
    *SEGMENTATION_SCORES,
    *LABEL,
)
