"""Guards on pixels: object bytes, object area, and plain sanity of the picture."""

from __future__ import annotations

import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.guards.limits import AreaRule, BackgroundChangedRule, ObjectPixelsRule, SanityRule
from editmill.generators.attribute.guards.scores import AREA, BACKGROUND, OBJECT_PIXELS, SANITY
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.composite import compose, cover
from editmill.generators.guards.sanity import sanity_scores, surroundings
from editmill.manifests.arrays import Mask, Picture


class ObjectPixelsGuard:
    """The object's bytes equal the transformed source's where alpha is 255 (gate G2)."""

    score_names: tuple[str, ...] = OBJECT_PIXELS

    def __init__(self, rule: ObjectPixelsRule) -> None:
        self.rule = rule

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        assert candidate.reference is not None
        inside = candidate.alpha == 255
        # Wider than bytes, which would wrap around: 3 - 5 is 254.
        difference = np.abs(image[inside].astype(np.int16) - candidate.reference[inside])
        # Without any pixel to keep nothing was kept, which is rejected.
        largest = float(difference.max()) if difference.size else 255.0
        return self.rule.decide(job.edit, {"object_difference": largest})


class AreaGuard:
    """The object's share of the frame is the planned one, for edits whose level is a share (gate G6)."""

    score_names: tuple[str, ...] = AREA

    def __init__(self, rule: AreaRule) -> None:
        self.rule = rule

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        area = float(candidate.alpha.mean() / 255)
        error = abs(area - job.edit.level) if kind_of(job.edit.name).sized else 0.0
        return self.rule.decide(job.edit, {"area": area, "area_error": error})


class BackgroundChangedGuard:
    """A replaced background differs from the source's: mean absolute difference of bytes where alpha is 0."""

    score_names: tuple[str, ...] = BACKGROUND

    def __init__(self, rule: BackgroundChangedRule) -> None:
        self.rule = rule

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        outside = candidate.alpha == 0
        if not kind_of(job.edit.name).replaced or not outside.any():
            return Verdict({})
        change = float(np.abs(image[outside].astype(np.int16) - job.source.image[outside]).mean())
        return self.rule.decide(job.edit, {"background_change": change})


class SanityGuard:
    """The picture is neither constant, nor holed, nor noise.

    It is compared with what it should look like: the window of the source that it shows, or the placed object before
    the surroundings that it had, or that the partner's had. So a dark, flat or grainy source is no fault, but few
    pixels are newly black. ``correlation`` is that of neighbouring background pixels: white noise has 0, and the
    tabletop grounds have 0.79 and more. Faint grain on an even ground may have any, so it counts as 1.
    """

    score_names: tuple[str, ...] = SANITY

    def __init__(self, rule: SanityRule) -> None:
        self.rule = rule
        self._grounds: PerSource[Picture] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        background = np.ones(image.shape[:2], bool) if candidate.alpha is None else candidate.alpha == 0
        expected, known = self._expected(job, candidate)
        return self.rule.decide(job.edit, sanity_scores(image, background, expected=expected, known=known))

    def _expected(self, job: EditJob, candidate: Candidate) -> tuple[Picture, Mask | None]:
        """Return what a picture should look like, and where its background is known, not made up."""
        if candidate.window is not None:
            return candidate.window, None
        lender = job.source if job.partner is None else job.partner
        ground = self._grounds.get(lender.record.id, lambda: surroundings(lender.image, lender.mask))
        if candidate.reference is None or candidate.alpha is None:
            return ground, lender.mask == 0
        shape = candidate.alpha.shape
        free = (cover(lender.mask, shape) == 0) & (candidate.alpha == 0)
        return compose(candidate.reference, cover(ground, shape), candidate.alpha), free
