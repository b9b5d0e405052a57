"""Whether the picture changed in the direction in which its prompt did."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.models.features import ImageTextFeatures


def directions(features: ImageTextFeatures, shown: Sequence[Shown]) -> list[dict[str, float]]:
    """Return ``direction``: the cosine between the changes of picture and prompt in CLIP's space (Gal et al., arXiv
    2108.00946, section 4.2).

    Only of candidates with a source, prompts that differ, and a picture that differs.
    """
    found: list[dict[str, float]] = [{} for _ in shown]
    asked = [
        (number, one.source, one.image, one.prompts)
        for number, one in enumerate(shown)
        if one.source is not None and one.prompts is not None and one.prompts[0] != one.prompts[1]
    ]
    seen = iter(features.images([image for _, source, made, _ in asked for image in (source, made)]))
    for (number, _, _, prompts), before, after in zip(asked, seen, seen, strict=True):
        old, new = features.texts(prompts)
        if not torch.equal(before, after):
            found[number] = {"direction": float(torch.cosine_similarity(after - before, new - old, dim=0))}
    return found
