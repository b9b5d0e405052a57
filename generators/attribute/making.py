"""Makes attribute edits: render, encode, guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.estimate import sources_together
from editmill.generators.attribute.guards.base import Guard, check_all
from editmill.generators.attribute.members import describe, masks
from editmill.generators.attribute.rendering import AttributeRenderer
from editmill.generators.base.failing import failed_job, in_parts
from editmill.generators.base.guards import Verdict
from editmill.generators.base.images import LOSSLESS, decode_image, encode_image
from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.making import Maker, check_record
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample
from editmill.generators.base.sources import Source
from editmill.generators.base.threads import threads
from editmill.generators.models.together import side_by_side
from editmill.manifests.arrays import Picture
from editmill.manifests.records import SourceRecord
from editmill.manifests.stages import stage

SourceJob = Job[LoadedSource]


@dataclass(frozen=True)
class _Stored:
    """A picture as it is stored, uint8 [H, W, 3] RGB, and its bytes to come."""

    encoding: Future[bytes]
    image: Picture


Shown = tuple[EditJob, Candidate, _Stored | None]


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
        threads: int = 1,
    ) -> None:
        self.source, self.renderer, self.guards, self.image = source, renderer, guards, image
        self.attempts, self.batch, self.threads = attempts, batch, threads
        self.group = sources_together(batch)
        # Faithful mode's frame has the side of a model, which loads when it is first asked.
        self.loaders = 1 if renderer.faithful else threads

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
        with threads(self.threads) as pool:
            stored = [None if one.image is None else self._stored(pool, one.image) for one in candidates]
            shown = list(zip(edits, candidates, stored, strict=True))
            with stage("guards"):
                verdicts = side_by_side(self._judge, shown, most=self.batch)
            judged = [
                self._made(pool, job, *one, verdict) for job, one, verdict in zip(jobs, shown, verdicts, strict=True)
            ]
            return [replace(made, members=_encoded(waiting)) for made, waiting in judged]

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

    def _stored(self, pool: Executor, image: Picture) -> _Stored:
        """Begin to encode a picture, while guards look at what is stored."""
        encoding = pool.submit(encode_image, image, self.image)
        # Only lossless bytes give back a picture as it was.
        return _Stored(encoding, image if self.image in LOSSLESS else decode_image(encoding.result()))

    def _judge(self, shown: Shown) -> Verdict:
        edit, candidate, stored = shown
        return Verdict({}) if stored is None else check_all(self.guards, edit, candidate, stored.image)

    def _made(
        self,
        pool: Executor,
        job: SourceJob,
        edit: EditJob,
        candidate: Candidate,
        stored: _Stored | None,
        verdict: Verdict,
    ) -> tuple[Made, dict[str, Future[bytes]]]:
        """Return what became of a job, and its pictures, which are being encoded."""
        parameters = {**dict(edit.edit.parameters), **candidate.parameters}
        first = job.sample.partner
        spare = first is not None and (edit.partner is None or edit.partner.record.id != first.id)
        if stored is None:
            # Of failures to make a picture only a model's own may pass with another seed.
            made = Made(
                reasons=(candidate.failure,),
                parameters=parameters,
                cost=candidate.cost,
                detail=candidate.detail,
                final=candidate.failure != Reason.PROPOSER_ERROR,
                spare=spare,
            )
            return made, {}
        waiting = {self.image: stored.encoding}
        # A rejected sample is not stored, but guards of installed packages look at its picture as well.
        if not verdict.reasons:
            waiting |= {name: pool.submit(encode_image, mask, "png") for name, mask in masks(candidate).items()}
        made = Made(
            reasons=verdict.reasons,
            scores=verdict.scores,
            parameters=parameters,
            facts={**describe(job.sample, edit.edit, candidate), "attempt": job.attempt},
            cost=candidate.cost,
            detail=candidate.detail,
            spare=spare,
        )
        return made, waiting


def _encoded(waiting: Mapping[str, Future[bytes]]) -> dict[str, bytes]:
    return {name: encoding.result() for name, encoding in waiting.items()}


def _failed(job: EditJob, error: Exception) -> Candidate:
    made = failed_job(job, error)
    return Candidate(None, failure=made.reasons[0], detail=made.detail)
