"""The complexity guard: a background meant to be busier is busier, and one meant to be simpler is simpler."""

from __future__ import annotations

import math

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.complexity import measure_mid_band
from editmill.generators.attribute.guards.limits import ComplexityRule
from editmill.generators.attribute.guards.scores import COMPLEXITY, CONTROL
from editmill.generators.base.guards import Verdict
from editmill.manifests.arrays import Picture


class ComplexityGuard:
    """Rejects ``complexity`` edits whose background is not on the side of its control that the level's sign asks for
    (gate G7).

    ``complexity`` is C_mid of the picture's background, for every sample that has enough of it. The control, which the
    renderer measures, is C_mid of the same background made without guidance.
    """

    score_names: tuple[str, ...] = COMPLEXITY

    def __init__(self, rule: ComplexityRule) -> None:
        self.rule = rule

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        measured = measure_mid_band(image, candidate.alpha)
        scores = {} if math.isnan(measured) else {"complexity": measured}
        control = float(candidate.parameters.get(CONTROL, math.nan))
        if job.edit.name != "complexity" or math.isnan(control):
            return Verdict(scores)
        return self.rule.decide(job.edit, {**scores, CONTROL: control})
