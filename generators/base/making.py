"""The loop from planned samples to rows and members: the same for every family, whose ``Maker`` fills it."""

from __future__ import annotations

import json
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice
from typing import Any, Generic, TypeVar

from editmill.generators.base.edits import edit_seed
from editmill.generators.base.failing import failed_job, in_parts, said, told
from editmill.generators.base.guards import PictureGuard, StoredPicture
from editmill.generators.base.images import decode_image
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import FAILURES, Reason
from editmill.generators.base.samples import Job, Made, PlannedSample, RowFacts
from editmill.generators.base.threads import threads
from editmill.generators.models.model_errors import is_model_error
from editmill.generators.models.together import side_by_side
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import EditmillError, RequestError, exhausted, out_of_memory
from editmill.manifests.records import PRIMARY_IMAGES, CandidateRecord, SampleRow, SourceRecord
from editmill.manifests.stages import stage

logger = logging.getLogger("editmill.making")

L = TypeVar("L")
Built = tuple[SampleRow, dict[str, bytes]]
NOTHING: Mapping[str, Any] = {}
PROGRAM_FIX = "this is a fault of the program or of an installed package: report it with the output of `editmill -v`"


class Maker(ABC, Generic[L]):
    """Makes the samples of one build with one set of models; a family writes ``load`` and ``make``.

    Attributes:
        attempts: Tries per sample; only rejected samples of stochastic edits are tried again.
        group: Sources whose samples are made together, to fill the models' batches.
        loaders: Threads that may load at the same time; more than one only where loading asks no model.
        batch: Pictures that share a call of a network, where the build's guards of installed packages ask one.
        asks_guards: Whether it searches, and asks the build's guards of installed packages about every candidate.
    """

    attempts: int = 1
    group: int = 1
    loaders: int = 1
    batch: int = 1
    asks_guards: bool = False

    @abstractmethod
    def load(self, sample: PlannedSample) -> L:
        """Load what the samples with one ``share`` need.

        Raises:
            Unusable: Nothing can be made; all of them become rows with the reason.
        """

    @abstractmethod
    def make(self, jobs: Sequence[Job[L]]) -> Sequence[Made]:
        """Make the samples of a group of sources, in the order of the jobs; one that fails raises or says so itself."""

    def share(self, sample: PlannedSample) -> Hashable:
        """Return the key by which samples share what ``load`` gave: neighbours with equal keys do."""
        return sample.source.id

    def unit(self, job: Job[L]) -> Hashable:
        """Return the key by which jobs stay together when others fail."""
        return job.sample.key

    def row(self, sample: PlannedSample) -> RowFacts:
        """Return what a row says before anything is made."""
        return RowFacts.of(sample)

    def begin(self, state: Mapping[str, Any]) -> None:
        """Get ready for a shard, whose earlier groups left this state, empty at its beginning; nothing that another
        shard left may change its samples.
        """

    def state(self) -> dict[str, Any]:
        """Return what the groups so far have left for later ones of the shard, as JSON values."""
        return {}

    def end(self) -> None:
        """Forget what a group of sources needed."""


@dataclass(frozen=True)
class Frame:
    """What the rows of a build share.

    Attributes:
        seed: Of the recipe.
        split: Folder of the shards.
        failures: The family's reasons that make a row failed, beyond those of every family.
        guards: Guards of installed packages, asked about every stored picture.
    """

    seed: int
    split: str
    failures: frozenset[str] = frozenset()
    guards: tuple[PictureGuard, ...] = ()

    def status(self, reasons: Sequence[str]) -> str:
        """Return ``ok`` without reasons, else ``failed`` or ``rejected`` by the first one."""
        if not reasons:
            return "ok"
        return "failed" if reasons[0] in FAILURES | self.failures else "rejected"


@dataclass
class _Tried(Generic[L]):
    """What is known of one planned sample while it is tried."""

    sample: PlannedSample
    facts: RowFacts
    loaded: L
    records: list[CandidateRecord] = field(default_factory=list)
    last: Made | None = None
    tries: int = 0
    cost: int = 0

    def done(self, attempts: int) -> bool:
        """Return whether it is accepted, or nothing is left to try."""
        if self.last is None:
            return False
        # Where another seed gives the same picture, one try is all.
        once = self.last.final or not self.sample.edit.stochastic
        return not self.last.reasons or self.tries >= (1 if once else attempts)


class SampleBuilder(Generic[L]):
    """Builds planned samples with a maker; it owns loading, retries, failures, rows and encoding."""

    def __init__(self, maker: Maker[L], frame: Frame) -> None:
        self.maker, self.frame = maker, frame

    def build(self, samples: Iterable[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""
        return chain.from_iterable(self.groups(samples, shard=shard))

    def groups(
        self, samples: Iterable[PlannedSample], *, shard: int, state: Mapping[str, Any] = NOTHING
    ) -> Iterator[list[Built]]:
        """Yield for each group of sources a row per planned sample, in order, with the members of accepted ones.

        Args:
            samples: Of a shard, from the beginning of a group on.
            shard: The shard's number.
            state: What the maker's ``state`` was after the groups before.
        """
        self.maker.begin(state)
        sources = (list(group) for _, group in groupby(samples, key=lambda sample: sample.source.id))
        while group := list(islice(sources, self.maker.group)):
            yield list(self._build_group(group, shard))
            self.maker.end()

    def _build_group(self, group: Sequence[list[PlannedSample]], shard: int) -> Iterator[Built]:
        opened = self._opened(group)
        tries = [one for one in opened if isinstance(one, _Tried)]
        # What is still open of all sources is tried together, so that retries fill batches as well.
        while pending := [one for one in tries if not one.done(self.maker.attempts)]:
            jobs = [self._job(one) for one in pending]
            made = in_parts(self._make, jobs, failed=failed_job, unit=self.maker.unit)
            tried = list(zip(pending, jobs, made, strict=True))
            with stage("guards"):
                side_by_side(lambda one: self._judge(*one), tried, most=self.maker.batch)
        for sample, found in zip(chain.from_iterable(group), opened, strict=True):
            yield self._built(found, shard) if isinstance(found, _Tried) else (self._unusable(sample, found, shard), {})

    def _make(self, jobs: Sequence[Job[L]]) -> list[Made]:
        with self._ending([job.sample for job in jobs], alone=len(set(map(self.maker.unit, jobs))) == 1):
            made = list(self.maker.make(jobs))
        if len(made) != len(jobs):
            what = f"{type(self.maker).__name__}.make returned {len(made)} results for {len(jobs)} samples"
            raise RequestError(what, where=_named([job.sample for job in jobs]), fix=PROGRAM_FIX)
        return made

    @contextmanager
    def _ending(self, samples: Sequence[PlannedSample], *, alone: bool = True) -> Iterator[None]:
        """Say on which samples the build ends, where it ends on them alone."""
        try:
            yield
        except (EditmillError, OSError, Unusable):
            raise
        except Exception as error:
            if not alone or is_model_error(error):
                raise
            if out_of_memory(error):
                raise exhausted(error, _named(samples)) from error
            logger.info("the program is at fault", exc_info=error)
            raise RequestError(f"{type(error).__name__}: {error}", where=_named(samples), fix=PROGRAM_FIX) from error

    def _opened(self, group: Sequence[list[PlannedSample]]) -> list[_Tried[L] | Unusable]:
        if self.maker.loaders == 1:
            return [one for mine in group for one in self._open(mine)]
        with threads(self.maker.loaders) as pool:
            return [one for found in pool.map(lambda mine: list(self._open(mine)), group) for one in found]

    def _open(self, samples: list[PlannedSample]) -> Iterator[_Tried[L] | Unusable]:
        for _, sharing in groupby(samples, key=self.maker.share):
            mine = list(sharing)
            try:
                loaded = self._load(mine)
            except Unusable as problem:
                logger.warning("source %s left out: %s", self.maker.row(mine[0]).record.id, problem)
                yield from (problem for _ in mine)
            else:
                yield from (_Tried(sample, self.maker.row(sample), loaded) for sample in mine)

    def _load(self, samples: Sequence[PlannedSample]) -> L:
        try:
            with self._ending(samples):
                return self.maker.load(samples[0])
        except Exception as error:
            if not is_model_error(error):
                raise
            raise Unusable(Reason.PROPOSER_ERROR, said(error)) from error

    def _job(self, one: _Tried[L]) -> Job[L]:
        return Job(one.sample, one.loaded, self._seed(one.sample, one.facts, one.tries), one.tries)

    def _seed(self, sample: PlannedSample, facts: RowFacts, attempt: int = 0) -> int:
        return edit_seed(self.frame.seed, facts.record, sample.edit, sample.replica, attempt)

    def _judge(self, one: _Tried[L], job: Job[L], made: Made) -> None:
        made = measured(made)
        one.last = self._guarded(job, made)
        one.tries, one.cost = one.tries + 1, one.cost + made.cost
        one.records += candidate_records(job, made, one.last)

    def _guarded(self, job: Job[L], made: Made) -> Made:
        """Ask the guards of installed packages about a stored picture; one that can't judge it makes it a failure."""
        primary = next((made.members[kind] for kind in PRIMARY_IMAGES if kind in made.members), None)
        asked = self.maker.asks_guards and not made.control
        if primary is None or asked or not self.frame.guards:
            return made
        facts = self.maker.row(job.sample)
        shown = StoredPicture(decode_image(primary), facts.class_name, facts.label, facts.record, job.sample.edit)
        try:
            with self._ending([job.sample]):
                scores, reasons = ask_guards(self.frame.guards, shown)
        except Exception as error:
            if not is_model_error(error):
                raise
            detail = told(job, error)
            if made.control:
                # What is kept in any case needs no verdict.
                return made
            return replace(made, reasons=(*made.reasons, Reason.GUARD_ERROR.value), detail=detail)
        made = replace(made, scores={**made.scores, **scores})
        if not made.control:
            return replace(made, reasons=(*made.reasons, *reasons))
        parameters = dict(facts.parameters if made.parameters is None else made.parameters)
        against = [*parameters.get("would_reject", []), *reasons]
        return replace(made, parameters={**parameters, "would_reject": against})

    def _built(self, one: _Tried[L], shard: int) -> Built:
        made = one.last
        assert made is not None
        # The row names the seed of the attempt that is stored, which is the last one.
        seed = made.seed if made.seed is not None else self._seed(one.sample, one.facts, one.tries - 1)
        base = self._base(one.sample, one.facts, made.reasons, shard)
        parameters = dict(one.facts.parameters if made.parameters is None else made.parameters)
        update = {
            "seed": seed,
            "parameters": {**parameters, "detail": made.detail} if made.detail else parameters,
            "scores": dict(made.scores),
            "attempts": len(one.records),
            "cost": one.cost,
            "inputs": one.sample.inputs_with_spares if made.spare else base.inputs,
            "candidates": tuple(one.records),
        }
        row = base.model_copy(update=update)
        return row, {} if made.reasons else self._members(row, one.facts.record, made)

    def _members(self, row: SampleRow, record: SourceRecord, made: Made) -> dict[str, bytes]:
        """Return every member; readers infer a schema from a few samples, so the JSON has equal keys in all.

        Raises:
            RequestError: The family's facts would hide those of every sample.
        """
        document: dict[str, Any] = {
            "key": row.key,
            "source_id": row.source_id,
            "source_sha256": row.source_sha256,
            "licence": record.licence,
            "generator": row.generator,
            "label": row.label,
            "seed": row.seed,
            "inputs": row.inputs,
            "scores": canonical_json(row.scores).decode(),
        }
        if hidden := sorted(document.keys() & made.facts):
            what = f"facts of {row.generator} have names that every sample's JSON has: {', '.join(hidden)}"
            raise RequestError(what, where=row.key, fix="rename them in the family")
        document |= made.facts
        encoded = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
        return {**made.members, "cls": str(row.label).encode(), "json": encoded}

    def _unusable(self, sample: PlannedSample, problem: Unusable, shard: int) -> SampleRow:
        facts = self.maker.row(sample)
        row = self._base(sample, facts, (str(problem.reason),), shard)
        return row.model_copy(update={"parameters": {**facts.parameters, "detail": str(problem)}})

    def _base(self, sample: PlannedSample, facts: RowFacts, reasons: tuple[str, ...], shard: int) -> SampleRow:
        record, edit = facts.record, sample.edit
        return SampleRow(
            key=sample.key,
            split=self.frame.split,
            shard=shard,
            status=self.frame.status(reasons),
            reasons=reasons,
            source_id=record.id,
            source_sha256=record.sha256,
            label=facts.label,
            class_name=facts.class_name,
            wnid=facts.wnid,
            generator=edit.generator,
            edit=edit.name,
            level=edit.level,
            replica=sample.replica,
            seed=self._seed(sample, facts),
            inputs=sample.inputs,
        )


def candidate_records(job: Job[Any], made: Made, judged: Made) -> tuple[CandidateRecord, ...]:
    """Return the records of one try, with what the guards of installed packages said afterwards.

    Args:
        job: The try.
        made: As the family returned it; one that searches within a job brings the records of its own candidates.
        judged: The same after the guards of installed packages.
    """
    verdict = {"accepted": not judged.reasons, "reasons": judged.reasons}
    if made.candidates is None:
        return (CandidateRecord(attempt=job.attempt, seed=job.seed, scores=dict(judged.scores), **verdict),)
    if judged is made:
        return tuple(made.candidates)
    # Those guards saw the stored picture alone; a search may have accepted others beside it.
    added = {name: value for name, value in judged.scores.items() if name not in made.scores}
    return tuple(
        one.model_copy(update={**verdict, "scores": {**one.scores, **added}})
        if one.accepted and one.seed == made.seed
        else one
        for one in made.candidates
    )


def measured(made: Made) -> Made:
    """Return what became of a job as rows hold it; a score that is not finite makes it a failure."""
    scores, wrong = finite_scores(made.scores)
    lost = ", ".join(sorted(made.scores.keys() - scores.keys()))
    detail = made.detail or (f"scores that are not finite: {lost}" if lost else "")
    return replace(made, scores=scores, reasons=(*map(str, made.reasons), *wrong), detail=detail)


def finite_scores(scores: Mapping[str, float]) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return scores rounded as rows hold them, without those that no limit can be put on and that JSON can't hold, and
    the reason to refuse where there were any.
    """
    kept = rounded({name: value for name, value in scores.items() if math.isfinite(value)})
    return kept, (Reason.GUARD_ERROR.value,) if len(kept) < len(scores) else ()


def rounded(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores as rows hold them, to six decimals."""
    return {name: round(value, 6) for name, value in scores.items()}


def ask_guards(guards: Sequence[PictureGuard], shown: StoredPicture) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the rounded scores and the reasons of all guards.

    Raises:
        ValueError: A score is not finite.
    """
    verdicts = [guard.check(shown) for guard in guards]
    scores = rounded({name: float(value) for verdict in verdicts for name, value in verdict.scores.items()})
    for name, value in scores.items():
        if not math.isfinite(value):
            raise ValueError(f"the guard's score {name} is {value}")
    return scores, tuple(str(reason) for verdict in verdicts for reason in verdict.reasons)


def check_record(record: SourceRecord) -> None:
    """Refuse a source that planning found unusable.

    Raises:
        Unusable: It has a problem.
    """
    if record.problem:
        # The problems of masks begin with that word: mask_empty, mask_size_mismatch.
        where = record.mask_name if record.problem.startswith("mask") else record.image_name
        raise Unusable(Reason(record.problem), record.detail or f"{where}: {record.problem.replace('_', ' ')}")


def _named(samples: Sequence[PlannedSample]) -> str:
    more = f" and {len(samples) - 1} more" if len(samples) > 1 else ""
    return f"{samples[0].key}{more}"
