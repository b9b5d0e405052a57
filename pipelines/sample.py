"""From planned samples of one source to rows and members: render, encode, guard, retry."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import cv2
import torch

from editmill.generators.base import Candidate, Job, LoadedSource, Renderer, edit_seed
from editmill.generators.guards.base import Guard, Verdict, check_all
from editmill.generators.reasons import FAILURES, Reason
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import EditmillError
from editmill.manifests.records import CandidateRecord, SampleRow, SourceRecord
from editmill.pipelines.encode import decode_image, encode_image, encode_members
from editmill.pipelines.families.base import Built
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import Source, SourceProblem

logger = logging.getLogger("editmill.sample")


@dataclass
class _Progress:
    """What is known of one planned sample while it is tried."""

    sample: PlannedSample
    records: list[CandidateRecord] = field(default_factory=list)
    members: dict[str, bytes] = field(default_factory=dict)
    candidate: Candidate | None = None
    cost: int = 0

    def done(self, attempts: int) -> bool:
        if not self.records:
            return False
        # Of failures to make a picture only a model's own may pass with another seed.
        last = self.records[-1]
        hopeless = (
            self.candidate is not None and self.candidate.image is None and last.reasons != (Reason.PROPOSER_ERROR,)
        )
        return last.accepted or hopeless or not self.sample.edit.stochastic or len(self.records) >= attempts


class SampleBuilder:
    """Builds the samples of one source after another with one set of models."""

    def __init__(
        self,
        recipe: Recipe,
        source: Source,
        renderer: Renderer,
        guards: Sequence[Guard],
        *,
        attempts: int,
        fingerprint: str,
    ) -> None:
        self.recipe, self.source, self.renderer, self.guards = recipe, source, renderer, guards
        self.attempts, self.fingerprint = attempts, fingerprint

    def build(self, samples: Sequence[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""
        for _, group in groupby(samples, key=lambda sample: sample.source.id):
            yield from self._build_source(list(group), shard)

    def _build_source(self, samples: Sequence[PlannedSample], shard: int) -> Iterator[Built]:
        try:
            loaded = self._load(samples[0].source)
        except SourceProblem as problem:
            logger.warning("source %s left out: %s", samples[0].source.id, problem)
            for sample in samples:
                yield self._failed(sample, problem, shard), {}
            return
        tries = [_Progress(sample) for sample in samples]
        while pending := [one for one in tries if not one.done(self.attempts)]:
            jobs = [self._job(one, loaded) for one in pending]
            for one, job, candidate in zip(pending, jobs, self._render(jobs), strict=True):
                self._judge(one, job, candidate)
        for one in tries:
            yield self._row(one, shard), one.members

    def _load(self, record: SourceRecord) -> LoadedSource:
        if record.problem:
            where = record.mask if record.problem.startswith("mask") else record.image
            raise SourceProblem(Reason(record.problem), f"{where}: {record.problem.replace('_', ' ')}")
        return self.renderer.frame(self.source.load(record))

    def _job(self, one: _Progress, loaded: LoadedSource) -> Job:
        sample, attempt = one.sample, len(one.records)
        seed = edit_seed(self.recipe.seed, sample.source, sample.edit, sample.replica, attempt)
        return Job(sample.key, loaded, sample.edit, seed, attempt, self._partner(sample))

    def _partner(self, sample: PlannedSample) -> LoadedSource | None:
        if sample.partner is None:
            return None
        try:
            return self._load(sample.partner)
        except SourceProblem:
            return None

    def _render(self, jobs: Sequence[Job]) -> list[Candidate]:
        """Render; when a model fails on one job, the others are rendered alone and the bad one becomes a row with its
        reason.
        """
        try:
            return self.renderer.render(jobs)
        except (torch.OutOfMemoryError, EditmillError):
            raise
        except (RuntimeError, ValueError, IndexError, cv2.error) as error:
            if len(jobs) > 1:
                return [candidate for job in jobs for candidate in self._render([job])]
            logger.warning("%s: rendering failed: %s", jobs[0].key, error)
            return [Candidate(None, failure=Reason.PROPOSER_ERROR, detail=f"{type(error).__name__}: {error}")]

    def _judge(self, one: _Progress, job: Job, candidate: Candidate) -> None:
        one.candidate = candidate
        one.cost += candidate.cost
        if candidate.image is None:
            one.records.append(
                CandidateRecord(attempt=job.attempt, seed=job.seed, accepted=False, reasons=(candidate.failure,))
            )
            return
        kind = self.recipe.output.image
        primary = encode_image(candidate.image, kind)
        verdict: Verdict = check_all(self.guards, job, candidate, decode_image(primary))
        scores = {name: round(value, 6) for name, value in verdict.scores.items()}
        accepted = not verdict.reasons
        one.records.append(
            CandidateRecord(
                attempt=job.attempt, seed=job.seed, accepted=accepted, reasons=tuple(verdict.reasons), scores=scores
            )
        )
        if accepted:
            facts = {
                "seed": job.seed,
                "attempt": job.attempt,
                "fingerprint": self.fingerprint,
                "scores": canonical_json(scores).decode(),
            }
            one.members = encode_members(one.sample, candidate, primary, kind=kind, facts=facts)

    def _row(self, one: _Progress, shard: int) -> SampleRow:
        last, candidate = one.records[-1], one.candidate
        assert candidate is not None
        status = "ok" if last.accepted else "failed" if set(last.reasons) & FAILURES else "rejected"
        parameters = {**dict(one.sample.edit.parameters), **candidate.parameters}
        if candidate.detail:
            parameters["detail"] = candidate.detail
        return self._base(one.sample, shard).model_copy(
            update={
                "status": status,
                "reasons": last.reasons,
                "seed": last.seed,
                "parameters": parameters,
                "scores": last.scores,
                "attempts": len(one.records),
                "cost": one.cost,
                "candidates": tuple(one.records),
            }
        )

    def _failed(self, sample: PlannedSample, problem: SourceProblem, shard: int) -> SampleRow:
        update = {
            "reasons": (str(problem.reason),),
            "parameters": {**dict(sample.edit.parameters), "detail": str(problem)},
        }
        return self._base(sample, shard).model_copy(update=update)

    def _base(self, sample: PlannedSample, shard: int) -> SampleRow:
        record, edit = sample.source, sample.edit
        return SampleRow(
            key=sample.key,
            split=self.recipe.split,
            shard=shard,
            status="failed",
            reasons=(Reason.PROPOSER_ERROR,),
            source_id=record.id,
            source_sha256=record.sha256,
            label=record.label,
            class_name=record.class_name,
            wnid=record.wnid,
            generator=edit.generator,
            edit=edit.name,
            level=edit.level,
            replica=sample.replica,
            seed=edit_seed(self.recipe.seed, record, edit, sample.replica),
            parameters=dict(edit.parameters),
        )
