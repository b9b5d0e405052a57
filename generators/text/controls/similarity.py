"""Similarity of texts by the pack's image and text model."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.generators.models.features import ImageTextFeatures


class TextSimilarity:
    """Cosines of text features; a pair's does not depend on the pairs beside it."""

    def __init__(self, features: ImageTextFeatures) -> None:
        self.features = features

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the cosine of each pair."""
        if not pairs:
            return []
        first, second = (self.features.texts(texts).double().cpu().numpy() for texts in zip(*pairs, strict=True))
        return [float(one @ other) for one, other in zip(first, second, strict=True)]
