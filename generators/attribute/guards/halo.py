"""The halo guard: no bright or dark line along the object's outline."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.limits import HaloRule
from editmill.generators.attribute.guards.scores import HALO
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.composite import matte
from editmill.generators.compositing.distance import distance_to
from editmill.manifests.arrays import Feature, Mask, Picture

# In pixels; the width of the ring is that of gate G10 (imagenet-e spec, section 6).
RING = 5
RIM = 4
SURROUNDINGS = 6
REACH = 7
# Beyond every grey level, so that it loses each comparison.
MISSING = 1e4


def edge_halo(image: Picture, alpha: Mask) -> float | None:
    """Return how far a line along the outline leaves the range of what lies on both sides of it, in grey levels of
    luma.

    A clean seam lies between the object and its background; a halo is brighter or darker than both, whatever they are,
    so a replaced background changes nothing. The range is that of the object's rim and of the surroundings beyond a
    ring of five pixels, within seven pixels of each ring pixel; of the ring's five shells of one pixel the mean excess
    of the worst one counts, bright and dark apart.

    Args:
        image: Uint8 [H, W, 3] RGB.
        alpha: Uint8 [H, W]; the object is where it is 255.

    Returns:
        At least 0; None where there is no object, no rim or no surroundings.
    """
    inside = alpha == 255
    if not inside.any() or inside.all():
        return None
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    outer, inner = distance_to(inside), distance_to(~inside)
    beyond = (outer > RING) & (outer <= RING + SURROUNDINGS)
    low, high = _local_range(luma, beyond | ((inner > 0) & (inner <= RIM)))
    excesses = (np.maximum(luma - high, 0), np.maximum(low - luma, 0))
    # Pixels without anything known around them have no range that they could leave.
    shells = [(outer > depth) & (outer <= depth + 1) & (high > -MISSING) for depth in range(RING)]
    means = [float(excess[shell].mean()) for shell in shells if shell.any() for excess in excesses]
    return max(means) if means and beyond.any() else None


def _local_range(luma: Feature, known: Feature) -> tuple[Feature, Feature]:
    """Return the lowest and highest of the ``known`` pixels within ``REACH`` of each.

    ``MISSING`` and its negative where there is none.
    """
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    low = cv2.erode(np.where(known, luma, np.float32(MISSING)), kernel)
    return low, cv2.dilate(np.where(known, luma, np.float32(-MISSING)), kernel)


class HaloGuard:
    """Rejects a halo that is stronger than the limit and than the source's own, such as its contact shadow (gate G10's
    seam).
    """

    score_names: tuple[str, ...] = HALO

    def __init__(self, rule: HaloRule) -> None:
        self.rule = rule
        self._sources: PerSource[float | None] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        halo = edge_halo(image, candidate.alpha)
        if halo is None:
            return Verdict({})
        source = (
            self._sources.get(
                job.source.record.id,
                # As if the source had been composed, so that both are measured alike.
                lambda: edge_halo(job.source.image, matte((job.source.mask > 127).astype(np.float32))),
            )
            or 0.0
        )
        return self.rule.decide(job.edit, {"halo": halo, "source_halo": source})
