"""The mask guard: the mask leaves out no part of its object that an edit would tear off."""

from __future__ import annotations

from collections.abc import Mapping

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.guards.scores import MASK
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.edits import Edit
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.mask_quality import mask_scores
from editmill.manifests.arrays import Picture


class MaskGuard:
    """Rejects edits that part an object from its surroundings where too much with its colours lies in the gaps of its
    mask or beside it. ``editmill.generators.compositing.mask_quality`` measures.

    Args:
        limits: Largest allowed value of each score.
    """

    score_names: tuple[str, ...] = MASK

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = limits
        self._sources: PerSource[dict[str, float]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        source = job.source
        scores = self._sources.get(source.record.id, lambda: mask_scores(source.image, source.mask))
        return self.decide(job.edit, scores)

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        kind = kind_of(edit.name)
        parted = kind.removes or kind.replaced
        short = any(scores.get(name, 0.0) > limit for name, limit in self.limits.items())
        return Verdict(dict(scores), (AttributeReason.MASK_INCOMPLETE,) if parted and short else ())
