"""Makes attribute edits: render, encode, guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.estimate import sources_together
from editmill.generators.attribute.guards.base import Guard, check_all
from editmill.generators.attribute.members import describe, encode_members
from editmill.generators.attribute.rendering import AttributeRenderer
from editmill.generators.base.failing import failed_job, in_parts
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.making import Maker, check_record
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample
from editmill.generators.base.sources import Source
from editmill.generators.models.together import side_by_side
from editmill.manifests.records import SourceRecord
from editmill.manifests.stages import stage

SourceJob = Job[LoadedSource]


class AttributeMaker(Maker[LoadedSource]):
    """Makes the edits of a few sources side by side with one set of models."""

    def __init__(
        self,
        source: Source[Any],
        renderer: AttributeRenderer,
        guards: Sequence[Guard],
        *,
        image: str,
        attempts: int,
        batch: int = 1,
    ) -> None:
        self.source, self.renderer, self.guards, self.image = source, renderer, guards, image
        self.attempts, self.batch = attempts, batch
        self.group = sources_together(batch)

    def begin(self, state: Mapping[str, Any]) -> None:
        self.end()

    def load(self, sample: PlannedSample) -> LoadedSource:
        return self._load(sample.source)

    @stage("decode")
    def _load(self, record: SourceRecord) -> LoadedSource:
        check_record(record)
        return self.renderer.frame(self.source.load(record))

    def make(self, jobs: Sequence[SourceJob]) -> list[Made]:
        edits = [self._edit(job) for job in jobs]
        if self.batch > 1:
            # First, so that edits of a source that run side by side find them.
            side_by_side(self._remove, self.renderer.removals(edits), most=self.batch)
        candidates = side_by_side(self._render, edits, most=self.batch)
        return [self._judge(*one) for one in zip(jobs, edits, candidates, strict=True)]

    def end(self) -> None:
        # What is removed in another company has other bytes, so each group removes for itself.
        if self.batch > 1:
            self.renderer.remover.remember(2 * self.group)

    def _remove(self, source: LoadedSource) -> None:
        # What fails here fails again for each edit, which tells it.
        in_parts(lambda sources: [self.renderer.removed(one) for one in sources], [source], failed=lambda *_: None)

    def _render(self, edit: EditJob) -> Candidate:
        (candidate,) = in_parts(self.renderer.render, [edit], failed=_failed)
        return candidate

    def _edit(self, job: SourceJob) -> EditJob:
        partner, edit = self._partner(job.sample), job.sample.edit
        if partner is not None:
            edit = edit.with_parameters(partner=partner.record.id)
        return EditJob(job.key, job.loaded, edit, job.seed, job.attempt, partner)

    def _partner(self, sample: PlannedSample) -> LoadedSource | None:
        for record in (*([sample.partner] if sample.partner else []), *sample.spares):
            with suppress(Unusable):
                loaded = self._load(record)
                if self.renderer.removable(loaded):
                    return loaded
        # The renderer makes a row of it, with partner_unusable for a reason.
        return None

    def _judge(self, job: SourceJob, edit: EditJob, candidate: Candidate) -> Made:
        parameters = {**dict(edit.edit.parameters), **candidate.parameters}
        if candidate.image is None:
            # Of failures to make a picture only a model's own may pass with another seed.
            final = candidate.failure != Reason.PROPOSER_ERROR
            return Made(
                reasons=(candidate.failure,),
                parameters=parameters,
                cost=candidate.cost,
                detail=candidate.detail,
                final=final,
            )
        primary = encode_image(candidate.image, self.image)
        verdict = check_all(self.guards, edit, candidate, decode_image(primary))
        # A rejected sample is not stored, but guards of installed packages look at its picture as well.
        return Made(
            {self.image: primary} if verdict.reasons else encode_members(candidate, primary, kind=self.image),
            verdict.reasons,
            verdict.scores,
            parameters,
            {**describe(job.sample, candidate), "attempt": job.attempt},
            candidate.cost,
            detail=candidate.detail,
        )


def _failed(job: EditJob, error: Exception) -> Candidate:
    made = failed_job(job, error)
    return Candidate(None, failure=made.reasons[0], detail=made.detail)
