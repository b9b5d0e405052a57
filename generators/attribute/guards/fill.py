"""The fill guard: a filled hole looks like its surroundings, without models that would have to know the picture."""

from __future__ import annotations

from collections.abc import Mapping

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.removal import removed_source
from editmill.generators.attribute.guards.scores import FILL
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.edits import Edit
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.fill_quality import fill_scores
from editmill.manifests.arrays import Picture

REASONS: Mapping[str, AttributeReason] = {
    "fill_smooth": AttributeReason.FILL_UNLIKE,
    "fill_plain": AttributeReason.FILL_UNLIKE,
    "fill_colour": AttributeReason.FILL_UNLIKE,
    "fill_seam": AttributeReason.FILL_SEAM,
    "fill_remnant": AttributeReason.OBJECT_LEFT,
    "fill_traces": AttributeReason.OBJECT_LEFT,
    "fill_likeness": AttributeReason.OBJECT_LEFT,
}


class FillGuard:
    """Rejects backgrounds whose filled hole shows: unlike its surroundings, with a seam, or with something of the
    removed object.

    It judges the removal as it was made, also where another picture borrows it; what is generated anew afterwards is
    not judged. ``editmill.generators.compositing.fill_quality`` measures.

    Args:
        limits: Largest allowed value of each score.
    """

    score_names: tuple[str, ...] = FILL

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = limits
        self._sources: PerSource[dict[str, float]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        removal, source = candidate.removal, removed_source(job)
        if removal is None or source is None:
            return Verdict({})
        # One removal serves all edits of a source.
        return self.decide(job.edit, self._sources.get(source.record.id, lambda: fill_scores(removal)))

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        found = (reason for name, reason in REASONS.items() if scores.get(name, 0.0) > self.limits[name])
        return Verdict(dict(scores), tuple(dict.fromkeys(found)))
