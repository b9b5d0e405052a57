"""Names of scores, apart from what computes them: plans name them and load no network."""

from __future__ import annotations

EDIT_SCORES = ("finite", "unsafe", "size_fits", "clipped_share", "change", "source_hamming")
SANITY_SCORES = ("contrast", "black_share", "correlation", "background_change")
IDENTITY_SCORES = ("identity", "source_cosine")
OBJECT_SCORES = ("object_score", "object_margin")
SEGMENTATION_SCORES = ("segment_judged", "mask_iou", "source_mask_iou", "expansion", "source_expansion")
# Of judges, behind the prefix of their role; the last one of models with SigLIP's bias alone.
PREFIXES = {"zero_shot": "clip", "zero_shot_2": "siglip"}
JUDGED = ("margin", "margin_worst", "top1", "probability", "confidence", "odds")
# Every score of the ensemble but those of verifiers, whose roles no list can name in advance.
SCORE_NAMES: tuple[str, ...] = (
    *EDIT_SCORES,
    *(f"{prefix}_{name}" for prefix in PREFIXES.values() for name in JUDGED),
    *IDENTITY_SCORES,
    *OBJECT_SCORES,
    *SANITY_SCORES,
    *SEGMENTATION_SCORES,
)
