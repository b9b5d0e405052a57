"""Names of the scores that rows of this family may have."""

from __future__ import annotations

# Of every member that an ensemble may have, whatever the pack; other scores stand with their candidates alone.
SCORE_NAMES: tuple[str, ...] = tuple(
    sorted(
        {
            "finite",
            "unsafe",
            "size_fits",
            "clipped_share",
            "contrast",
            "black_share",
            "source_hamming",
            "source_cosine",
            "object_score",
            "object_margin",
            *(
                f"{judge}_{name}"
                for judge in ("clip", "siglip")
                for name in ("margin", "margin_worst", "top1", "probability", "confidence")
            ),
            "siglip_odds",
            "duplicate_hamming",
            "duplicate_cosine",
            *(f"verifier_classifier_{name}" for name in ("probability", "agrees", "confidence")),
        }
    )
)
