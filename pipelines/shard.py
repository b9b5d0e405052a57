"""Building one shard: idempotent, the unit that every engine runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2

from editmill.generators.base.family import Build
from editmill.generators.base.making import Frame, SampleBuilder
from editmill.generators.base.samples import PlannedSample
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import CorruptDatasetError, RequestError
from editmill.manifests.garbage import collect_seldom
from editmill.manifests.growing import Brief, GrowingTar
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.locks import LOCK_SUFFIX, Lock, take
from editmill.manifests.records import ModelRecord, SampleRow, SourceRecord
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.shard import Kept, ShardFacts, grow_shard, restore_stats
from editmill.manifests.stages import stage
from editmill.manifests.stats import ShardStats, finished_shard, found_stats, shard_stem
from editmill.pipelines.fingerprint import Identity, distinct_names
from editmill.pipelines.identity import sample_inputs
from editmill.pipelines.plan import Plan, score_names_of
from editmill.pipelines.plan_file import PlanFile, PlannedShard
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.registry import GUARDS
from editmill.pipelines.reuse import Wanted, copy_shard, kept_samples, made_from, reusable
from editmill.pipelines.sources import SourceSpec, open_source
from editmill.pipelines.spent import Account
from editmill.pipelines.uploads import upload_shard, uploaded_shard

if TYPE_CHECKING:
    from editmill.generators.models.loading import Models

logger = logging.getLogger("editmill.build")


class Done(NamedTuple):
    """What became of planned samples since the last time.

    Attributes:
        samples: How many are done.
        accepted: How many of them are accepted.
        earlier: Whether they were done before this run.
    """

    samples: int
    accepted: int
    earlier: bool = False


Progress = Callable[[Done], object]


@dataclass(frozen=True)
class ShardTask:
    """Everything that building a shard needs, small enough to send to a process; nothing of it is looked up again.

    Attributes:
        recipe: What was asked for.
        pack: The pack as it was planned with.
        lead: Records that the samples of every shard depend on.
        shard: The shard's number.
        samples: The shard's.
        class_names: Distinct ones, in the order of labels.
        identity: Of the build.
        out: The dataset's folder; None when nothing is written.
        placement: Where models run.
        report: What calibration found of the guards; None without any.
        reuse: Folder of a finished dataset, of which is copied what is made from the same; None to make everything.
        cache: Folder that keeps what later builds need again; None for one that goes with the build.
        remote: Where the finished shard goes; None for a dataset of this machine.
    """

    recipe: Recipe
    pack: PackSpec
    lead: tuple[SourceRecord, ...]
    shard: int
    samples: PlannedShard
    class_names: tuple[str, ...]
    identity: Identity
    out: Path | None
    placement: Placement
    report: GuardReport | None = None
    reuse: Path | None = None
    cache: Path | None = None
    remote: RemoteFolder | None = None

    @classmethod
    def for_plan(
        cls,
        plan: Plan,
        shard: int,
        *,
        identity: Identity,
        out: Path | None,
        placement: Placement,
        report: GuardReport | None = None,
        reuse: Path | None = None,
        cache: Path | None = None,
        remote: RemoteFolder | None = None,
    ) -> ShardTask:
        """Return the task of one shard of a plan."""
        return cls(
            recipe=plan.recipe,
            pack=plan.pack,
            lead=plan.lead,
            shard=shard,
            samples=plan.shards[shard],
            class_names=distinct_names(plan),
            identity=identity,
            out=out,
            placement=placement,
            report=report,
            reuse=reuse,
            cache=cache,
            remote=remote,
        )

    @property
    def stem(self) -> str:
        """The shard's file name without suffix."""
        return shard_stem(self.recipe.name, self.shard)

    def facts(self) -> ShardFacts:
        """Return what identifies the shard in its dataset and gives its rows their columns."""
        recipe, pack = self.recipe, self.pack
        return ShardFacts(
            name=recipe.name,
            split=recipe.split,
            shard=self.shard,
            fingerprint=self.identity.fingerprint,
            members=members_of(recipe, pack),
            score_names=score_names_of(recipe, pack),
        )

    @cached_property
    def wanted(self) -> list[Wanted]:
        """What each of the shard's samples is made from, in order."""
        recipe, facts = self.recipe, list[tuple[str, str]]()

        def passing() -> Iterator[PlannedSample]:
            for sample in self.samples.without_spares():
                facts.append((sample.source.id, sample.spared))
                yield sample

        inputs = sample_inputs(recipe.family, recipe.asked(self.pack), passing(), self.identity.common)
        return [Wanted(source, one, spared) for (source, spared), one in zip(facts, inputs, strict=True)]

    def planned(self, kept: Kept | None = None) -> Iterator[PlannedSample]:
        """Yield the shard's samples with what each is made from, but for those that are kept."""
        missing = range(len(self.samples)) if kept is None else kept.missing
        samples = self.samples.without_spares(but=missing)
        for number, (sample, one) in enumerate(zip(samples, self.wanted, strict=True)):
            if number in missing:
                yield replace(sample, inputs=one.inputs)


def configure_process(placement: Placement) -> None:
    """Use one thread on the CPU: sums in another order would give other bytes, and a process per core is faster.

    On one accelerator of several, nothing of the process goes to another one.
    """
    # First: it is the import that gains.
    collect_seldom()
    import torch

    cv2.setNumThreads(1)
    device = placement.resolve()
    if device.type == "cpu":
        torch.set_num_threads(1)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def make_build(
    recipe: Recipe,
    pack: PackSpec,
    placement: Placement,
    *,
    class_names: tuple[str, ...],
    source: SourceSpec | None = None,
    lead: tuple[SourceRecord, ...] = (),
    models: tuple[ModelRecord, ...] = (),
    cache: Path | None = None,
    report: GuardReport | None = None,
) -> Build[Any, Any]:
    """Return what a family's samples, or its calibration, share.

    Args:
        recipe: What was asked for.
        pack: Its pack.
        placement: Where models run.
        class_names: Distinct ones, in the order of labels.
        source: Where records are loaded from; None for the recipe's.
        lead: Records that the samples of every shard depend on.
        models: What the manifest says of the models.
        cache: Folder for what several shards need, or None.
        report: What calibration found, or None.

    Raises:
        SourceError: The source can't be opened.
    """
    from editmill.generators.models.loading import Models

    asked = recipe.asked(pack)
    return Build(
        **{field.name: getattr(asked, field.name) for field in fields(asked)},
        models=Models(pack, placement, {record.role: record.digest for record in models}),
        records=models,
        source=open_source(source or recipe.source),
        lead=lead,
        class_names=class_names,
        cache=cache,
        report=report,
    )


def sample_builder(task: ShardTask) -> SampleBuilder[Any]:
    """Return the builder for a task; its models load once per process."""
    return _builder(_Shared(task))


class _Shared:
    """A task as far as its samples share it: equal for the shards of one build, whose files are where they were."""

    def __init__(self, task: ShardTask) -> None:
        # Remembered with the models, it must not keep the file of the plan, which is deleted with who builds of it.
        self.task = replace(task, samples=replace(task.samples, file=PlanFile(task.samples.file.path)))
        # The fingerprint says nothing of where files are.
        where = (task.recipe.source, task.pack.folder, task.out, task.cache, task.placement)
        self.key = (task.identity.fingerprint, *where, task.lead, task.report)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shared) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.task.identity.fingerprint)


@lru_cache(maxsize=2)
def _builder(shared: _Shared) -> SampleBuilder[Any]:
    task, recipe = shared.task, shared.task.recipe
    passing = None if task.out is None else task.out / ".cache"
    build = make_build(
        recipe,
        task.pack,
        task.placement,
        class_names=task.class_names,
        lead=task.lead,
        models=task.identity.models,
        cache=task.cache or passing,
        report=task.report,
    )
    guards = tuple(make_guard(entry.name, entry.options, build.models) for entry in recipe.guards)
    frame = Frame(recipe.seed, recipe.split, recipe.family.failures, guards)
    return SampleBuilder(recipe.family.maker(replace(build, guards=guards)), frame)


def make_guard(name: str, options: Any, models: Models) -> Any:
    """Make a guard of an installed package.

    Raises:
        RequestError: There is no such name, or an option does not fit.
    """
    try:
        return GUARDS.get(name)(models, **options)
    except (TypeError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(
            f"the guard {name!r} refuses its options: {error}", where="guards", fix="change them"
        ) from error


def members_of(recipe: Recipe, pack: PackSpec) -> tuple[str, ...]:
    """Return the member suffixes of every sample of a recipe."""
    return recipe.family.members(recipe.asked(pack))


def build_shard(task: ShardTask, progress: Progress = lambda done: None) -> ShardStats:
    """Build one shard, or return at once when it is finished and its digests hold.

    Args:
        task: What to build; it has a folder.
        progress: Is told what is done.

    Raises:
        ModelError: A checkpoint is missing or does not load.
        OSError: The disk fails.
    """
    if task.out is None:
        raise RequestError("a shard is built into a folder, and there is none", where="out", fix="name one")
    # Whoever waits for another process finds the shard finished.
    with take(shard_lock(task.out, task.stem), f"the shard {task.stem} in {task.out}") as lock:
        if task.remote is None:
            return _build_alone(task, task.out, progress, lock)
        return _build_for_store(task, task.out, task.remote, progress, lock)


def _build_for_store(task: ShardTask, out: Path, remote: RemoteFolder, progress: Progress, lock: Lock) -> ShardStats:
    stats = uploaded_shard(remote, out, f"{task.recipe.split}/{task.stem}.tar", task.identity.fingerprint)
    if stats is not None:
        progress(Done(stats.planned, stats.nsamples, earlier=True))
        return stats
    stats = _build_alone(task, out, progress, lock)
    with stage("write"):
        upload_shard(remote, out, stats)
    return stats


def shard_lock(out: Path, stem: str) -> Path:
    """Return the file of a shard's lock."""
    return out / f".{stem}{LOCK_SUFFIX}"


def _build_alone(task: ShardTask, out: Path, progress: Progress, lock: Lock) -> ShardStats:
    facts, folder = task.facts(), out / task.recipe.split
    finished = finished_shard(folder, task.stem, fingerprint=task.identity.fingerprint, deep=True)
    if finished is None:
        finished = _taken_over(task, out, facts)
    if finished is not None:
        progress(Done(finished.planned, finished.nsamples, earlier=True))
        return finished
    configure_process(task.placement)
    damaged, told = set[str](), list[Done]()

    def advance(done: Done) -> None:
        told.append(done)
        progress(done)

    while True:
        kept = None if task.reuse is None else kept_samples(reusable(task.reuse), task.wanted, but=damaged)
        if kept is not None:
            advance(_copied(kept))
        try:
            with Account(out, task.placement.resolve()) as account:
                fill = partial(_fill, task, lock, account, advance, kept)
                return grow_shard(out, fill, resume=True, kept=kept, **facts)
        except CorruptDatasetError as error:
            if kept is None or error.where not in {part.where for part in kept.parts}:
                raise
            logger.warning("%s: %s; nothing of this shard is copied", error.where, error.what)
            damaged.add(error.where)
            # What was made beside it is made again, too.
            advance(Done(-sum(one.samples for one in told), -sum(one.accepted for one in told), earlier=True))


def _taken_over(task: ShardTask, out: Path, facts: ShardFacts) -> ShardStats | None:
    """Finish a shard whose files are there but for its stats, or that an earlier dataset has; None where neither is."""

    def fits(inputs: Sequence[str]) -> bool:
        return len(inputs) == len(task.samples) and all(map(made_from, task.wanted, inputs))

    if found_stats(out / task.recipe.split, task.stem) is None:
        restored = restore_stats(out, fits=fits, **facts)
        if restored is not None:
            return restored
    return None if task.reuse is None else copy_shard(reusable(task.reuse), out, fits, facts)


def _fill(
    task: ShardTask, lock: Lock, account: Account, progress: Progress, kept: Kept | None, tar: GrowingTar
) -> None:
    """Build the groups of samples that are not kept and that a shard's tar does not hold yet."""
    if done := len(tar.done):
        logger.info("%s: going on after %d of %d samples", task.stem, done, len(task.samples))
        progress(_done(tar.done, earlier=True))
    samples = islice(task.planned(kept), done, None)
    first = next(samples, None)
    if first is None:
        return
    with stage("start"):
        builder = sample_builder(task)
    for group in builder.groups(chain([first], samples), shard=task.shard, state=tar.state):
        lock.check()
        with stage("write"):
            tar.add(group, builder.maker.state())
        rows = [row for row, _ in group]
        account.add(rows)
        progress(_done(rows))
    # Before all of them get their place, which takes a while.
    lock.check()


def _done(rows: Sequence[SampleRow | Brief], *, earlier: bool = False) -> Done:
    return Done(len(rows), sum(row.status == "ok" for row in rows), earlier)


def _copied(kept: Kept) -> Done:
    statuses = [status for part in kept.parts for status in part.rows["status"].to_pylist()]
    return Done(len(statuses), statuses.count("ok"), earlier=True)
