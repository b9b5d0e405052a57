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
    for number, one in enumerate(shown):
        if one.source is None or one.prompts is None or one.prompts[0] == one.prompts[1]:
            continue
        before, after = features.images([one.source, one.image])
        old, new = features.texts(one.prompts)
        if not torch.equal(before, after):
            found[number] = {"direction": float(torch.cosine_similarity(after - before, new - old, dim=0))}
    return found
