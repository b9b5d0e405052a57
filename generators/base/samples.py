"""Samples on their way: planned, tried, made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from editmill.generators.base.edits import Edit
from editmill.manifests.canonical import digest
from editmill.manifests.records import CandidateRecord, SampleRow, SourceRecord

L = TypeVar("L")


@dataclass(frozen=True)
class PlannedSample:
    """One sample to make.

    ``partner`` is the second source of edits that need one; the first of ``spares`` that can be used replaces one that
    can't.

    Attributes:
        spare_places: Places of the spares among the records that are planned; whoever plans gives these alone.
        spares: Their records, filled in where a sample is made.
        reads: Digest of all of this but the spares, filled in by the plan.
        spared: Digest of the spares, filled in by the plan.
        inputs: Digest of everything that the sample is made from, models and settings included, but for the spares;
            filled in when it is made.
    """

    key: str
    source: SourceRecord
    edit: Edit
    replica: int = 0
    partner: SourceRecord | None = None
    spare_places: tuple[int, ...] = ()
    spares: tuple[SourceRecord, ...] = ()
    reads: str = ""
    spared: str = ""
    inputs: str = ""

    @property
    def inputs_with_spares(self) -> str:
        """What it is made from where its partner can't be used, and spares are looked at."""
        return with_spares(self.inputs, self.spared)


def with_spares(inputs: str, spared: str) -> str:
    """Return what a sample is made from of which ``PlannedSample`` has these digests, where spares are looked at."""
    return digest([inputs, spared])


@dataclass(frozen=True)
class RowFacts:
    """What the row of a planned sample says before anything is made of it.

    Attributes:
        record: Whose id, digest and licence the row names, and whose seed the sample has.
        label: Class index, -1 where there is none.
        class_name: Its name.
        wnid: Its WordNet id.
        parameters: JSON values.
    """

    record: SourceRecord
    label: int
    class_name: str
    wnid: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, sample: PlannedSample) -> RowFacts:
        """Return the source's label and the edit's parameters."""
        record = sample.source
        return cls(record, record.label, record.class_name, record.wnid, dict(sample.edit.parameters))


@dataclass(frozen=True)
class Job(Generic[L]):
    """One attempt at one planned sample; ``loaded`` is what the maker loaded for it."""

    sample: PlannedSample
    loaded: L
    seed: int
    attempt: int = 0

    @property
    def key(self) -> str:
        """The sample's."""
        return self.sample.key


@dataclass(frozen=True)
class Made:
    """What became of one job.

    Attributes:
        members: Bytes by member suffix, without ``cls`` and ``json``; empty where there is no picture or text.
        reasons: Why the sample is refused; empty for an accepted one.
        scores: By name.
        parameters: What the row says, in place of what ``RowFacts`` had.
        facts: What the sample's JSON says beyond what every sample's does; equal keys and types in all samples.
        cost: Network evaluations spent.
        candidates: All that were tried within this job; None where the job itself is the only one.
        seed: Of the picture that was kept, if it is not the job's.
        detail: What happened, for a person; it becomes a parameter of the row.
        final: Whether another seed would change nothing.
        spare: Whether its spares were looked at, since its partner could not be used.
        control: Whether it is kept whatever guards of installed packages say, as an original is; its parameter
            ``would_reject`` then has their reasons.
    """

    members: Mapping[str, bytes] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    cost: int = 0
    candidates: tuple[CandidateRecord, ...] | None = None
    seed: int | None = None
    detail: str = ""
    final: bool = False
    spare: bool = False
    control: bool = False


@dataclass(frozen=True)
class Sheet:
    """One source of a preview: the rows of its samples and the members of each, none for one that was refused."""

    rows: Sequence[SampleRow]
    members: Sequence[Mapping[str, bytes]]
