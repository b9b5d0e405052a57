"""The mask guard: the mask leaves out no part of its object that an edit would tear off."""

from __future__ import annotations

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.limits import MaskRule
from editmill.generators.attribute.guards.scores import MASK
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.mask_quality import mask_scores
from editmill.manifests.arrays import Picture


class MaskGuard:
    """Rejects edits that part an object from its surroundings where too much with its colours lies in the gaps of its
    mask or beside it. ``editmill.generators.compositing.mask_quality`` measures.
    """

    score_names: tuple[str, ...] = MASK

    def __init__(self, rule: MaskRule) -> None:
        self.rule = rule
        self._sources: PerSource[dict[str, float]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        source = job.source
        scores = self._sources.get(source.record.id, lambda: mask_scores(source.image, source.mask))
        return self.rule.decide(job.edit, scores)
