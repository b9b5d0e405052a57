"""Guards on pixels: object bytes, object area, and plain sanity of the picture."""

from __future__ import annotations

import numpy as np

from generators.base import Candidate, Job
from generators.guards.base import Array, Verdict
from generators.reasons import Reason


class ObjectPixelsGuard:
    """The object's bytes equal the transformed source's where alpha is 255 (gate G2)."""

    score_names: tuple[str, ...] = ("object_difference",)

    def __init__(self, *, limit: int = 0) -> None:
        self.limit = limit

    def check(self, job: Job, candidate: Candidate, image: Array) -> Verdict:
        assert candidate.alpha is not None
        assert candidate.reference is not None
        inside = candidate.alpha == 255
        difference = np.abs(image[inside].astype(np.int16) - candidate.reference[inside])
        largest = float(difference.max()) if difference.size else 255.0
        return Verdict({"object_difference": largest}, () if largest <= self.limit else (Reason.OBJECT_PIXELS_CHANGED,))


class AreaGuard:
    """The object's share of the frame is the planned one (gate G6)."""

    score_names: tuple[str, ...] = ("area", "area_error")

    def __init__(self, *, tolerance: float = 0.005) -> None:
        self.tolerance = tolerance

    def check(self, job: Job, candidate: Candidate, image: Array) -> Verdict:
        assert candidate.alpha is not None
        area = float(candidate.alpha.mean() / 255)
        error = abs(area - job.edit.level) if job.edit.level else 0.0
        return Verdict({"area": area, "area_error": error}, () if error <= self.tolerance else (Reason.GEOMETRY_OFF,))


class BackgroundChangedGuard:
    """A replaced background differs from the source's: mean absolute difference of bytes where alpha is 0."""

    score_names: tuple[str, ...] = ("background_change",)

    def __init__(self, *, least: float = 4.0) -> None:
        self.least = least

    def check(self, job: Job, candidate: Candidate, image: Array) -> Verdict:
        assert candidate.alpha is not None
        outside = candidate.alpha == 0
        if job.edit.name not in ("background", "random-background") or not outside.any():
            return Verdict({})
        change = float(np.abs(image[outside].astype(np.int16) - job.source.image[outside]).mean())
        return Verdict({"background_change": change}, () if change >= self.least else (Reason.EDIT_ABSENT,))


class SanityGuard:
    """The picture is neither constant nor holed: few pixels are black that were not black in the source."""

    score_names: tuple[str, ...] = ("contrast", "black_share")

    def __init__(self, *, least_contrast: float = 2.0, most_black: float = 0.02) -> None:
        self.least_contrast, self.most_black = least_contrast, most_black

    def check(self, job: Job, candidate: Candidate, image: Array) -> Verdict:
        contrast = float(image.astype(np.float32).std())
        source = max(_black_share(job.source.image), 0.0 if job.partner is None else _black_share(job.partner.image))
        black = max(0.0, _black_share(image) - source)
        sane = contrast >= self.least_contrast and black <= self.most_black
        return Verdict({"contrast": contrast, "black_share": black}, () if sane else (Reason.SANITY,))


def _black_share(image: Array) -> float:
    return float((image.max(axis=-1) <= 3).mean())
