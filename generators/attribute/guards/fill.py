"""The fill guard: a filled hole looks like its surroundings, without models that would have to know the picture."""

from __future__ import annotations

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.limits import FillRule
from editmill.generators.attribute.guards.removal import removed_source
from editmill.generators.attribute.guards.scores import FILL
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.fill_quality import fill_scores
from editmill.manifests.arrays import Picture


class FillGuard:
    """Rejects backgrounds whose filled hole shows: unlike its surroundings, with a seam, or with something of the
    removed object.

    It judges the removal as it was made, also where another picture borrows it; what is generated anew afterwards is
    not judged. ``editmill.generators.compositing.fill_quality`` measures.
    """

    score_names: tuple[str, ...] = FILL

    def __init__(self, rule: FillRule) -> None:
        self.rule = rule
        self._sources: PerSource[dict[str, float]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        removal, source = candidate.removal, removed_source(job)
        if removal is None or source is None:
            return Verdict({})
        # One removal serves all edits of a source.
        return self.rule.decide(job.edit, self._sources.get(source.record.id, lambda: fill_scores(removal)))
