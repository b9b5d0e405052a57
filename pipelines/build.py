"""Building a dataset on one machine: shards in parallel processes, then assembly."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from editmill.generators.models.placement import Placement, visible
from editmill.manifests.errors import SourceError
from editmill.manifests.growing import remove_parts
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.locks import Lock
from editmill.manifests.manifest import read_manifest
from editmill.manifests.progress import Progress
from editmill.manifests.records import Manifest
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.urls import is_url
from editmill.pipelines.assemble import assemble
from editmill.pipelines.calibrate import calibrate_guards
from editmill.pipelines.fingerprint import Identity, filled_by, identify
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.reuse import check_environment, count_passing
from editmill.pipelines.shard import Done, ShardTask, shard_lock
from editmill.pipelines.spent import total
from editmill.pipelines.uploads import claim_remote, clear, complete_remote, enter, scratch_folder, share_report
from editmill.pipelines.workers import run_tasks
from editmill.pipelines.workspace import begun, claim, intact, lock_folder, refuse_held, remove_leftovers, write_run

logger = logging.getLogger("editmill.build")


class Display(Progress):
    """One bar for all workers: samples a minute, time left, and the share that is accepted."""

    accepted = 0

    def __init__(self, **options: Any) -> None:
        layout = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {per_minute:.1f} samples/min{postfix}]"
        super().__init__(bar_format=layout, **options)

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the layout names, beyond what tqdm knows."""
        facts: dict[str, Any] = super().format_dict
        return {**facts, "per_minute": 60 * (self.n - self.initial) / max(facts["elapsed"], 1e-9)}

    def advance(self, done: Done) -> None:
        """Count samples; those of an earlier run say nothing about the speed of this one."""
        if self.disable:
            return
        self.accepted += done.accepted
        if seen := self.n + done.samples:
            self.set_postfix_str(f"{self.accepted / seen:.0%} accepted", refresh=False)
        if done.earlier:
            self.initial += done.samples
            self.n += done.samples
            self.last_print_n += done.samples
        else:
            self.update(done.samples)


@dataclass(frozen=True)
class Prepared:
    """A plan with its identity and an output folder taken for it.

    Attributes:
        plan: What to build.
        identity: Its fingerprint and models.
        out: The folder.
        placement: Where models run.
        complete: Whether the dataset is already there, and intact.
        lock: By which other builds are kept out of the folder, until it is released.
        report: What calibration found of the guards; None without any.
        reuse: A finished dataset of which is copied what is made from the same; None to make everything.
        extras: Writes further files of the dataset, from its shards' rows and its manifest so far; returns their names.
        cache: Folder that keeps what later builds need again, such as removed backgrounds; None to keep nothing.
        remote: The folder of an object store that the dataset goes to, while ``out`` is where it is made.
    """

    plan: Plan
    identity: Identity
    out: Path
    placement: Placement
    complete: bool
    lock: Lock
    report: GuardReport | None = None
    reuse: Path | None = None
    extras: Callable[[list[Path], Manifest], list[str]] | None = None
    cache: Path | None = None
    remote: RemoteFolder | None = None

    @property
    def where(self) -> str:
        """What readers open: the folder, or its URL."""
        return str(self.out) if self.remote is None else self.remote.root

    def task(self, shard: int) -> ShardTask:
        """Return the task of one shard."""
        return ShardTask.for_plan(
            self.plan,
            shard,
            identity=self.identity,
            out=self.out,
            placement=self.placement,
            report=self.report,
            reuse=self.reuse,
            cache=self.cache,
            remote=self.remote,
        )


def prepare(
    plan: Plan,
    out: Path | str,
    placement: Placement,
    *,
    wait: bool = True,
    reuse: Path | None = None,
    mixed: bool = False,
    calibrate: Callable[..., GuardReport | None] = calibrate_guards,
    scratch: Path | None = None,
    cache: Path | None = None,
) -> Prepared:
    """Check the models, lock and take the output folder, and calibrate the guards where the recipe says so.

    Args:
        plan: What to build.
        out: The folder, or the URL of one in an object store.
        placement: Where models run.
        wait: Whether to wait while other processes work in the folder on what this build needs.
        reuse: A finished dataset of which is copied what is made from the same; None to make everything.
        mixed: Whether that one may have been built with other versions of libraries.
        calibrate: Calibrates the guards as `calibrate_guards` does, perhaps on another machine.
        scratch: Folder below which a dataset for a URL is made; None for one in the user's cache.
        cache: Folder that keeps what later builds need again, such as removed backgrounds; None to keep nothing.

    Raises:
        ModelError: A checkpoint is missing.
        RequestError: The folder holds something else, or can't be used.
        SourceError: No source can be used.
        DataError: The guards err more than the recipe allows; their report is in the folder. Or a foreign file is among
            those of a finished dataset.
    """
    _refuse_unusable(plan)
    # Once, here: a worker with other hardware must not render what the fingerprint does not say.
    placement = placement.settled()
    if reuse is not None and not mixed:
        check_environment(reuse, plan.recipe)
    remote = RemoteFolder(out) if is_url(out) else None
    out = Path(out) if remote is None else scratch_folder(remote.root, scratch)
    if remote is not None:
        enter(remote, out)
    # First, so that a missing checkpoint is told before the folder is made.
    plan, identity = _as_begun(plan, out, placement)
    lock = lock_folder(out, identity.fingerprint, wait=wait)
    try:
        # A finished dataset that was damaged since is built again as far as it was damaged.
        complete = claim(out, identity.fingerprint, len(plan.shards))
        if complete and intact(out) if remote is None else claim_remote(remote, out, identity.fingerprint):
            return Prepared(plan, identity, out, placement, True, lock, remote=remote)
        report = calibrate(plan, out, placement, identity.calibration, reuse=reuse)
        if remote is not None and report is not None:
            share_report(remote, out)
        # Shards may be built on other machines, which share this folder alone.
        kept = None if cache is None else cache.absolute() / filled_by(plan, identity, placement)
        return Prepared(plan.copy(out), identity, out, placement, False, lock, report, reuse, cache=kept, remote=remote)
    except BaseException:
        lock.release()
        raise


def _refuse_unusable(plan: Plan) -> None:
    """Refuse a plan of which no sample can be made, before models load."""
    if plan.unusable:
        fix = "mend the sources, or name others by --source; docs/troubleshooting.md says what helps"
        raise SourceError(plan.unusable, where=plan.sources.name, fix=fix)


def _as_begun(plan: Plan, out: Path, placement: Placement) -> tuple[Plan, Identity]:
    """Return the plan with its identity, and with the number of shards that was chosen when it was begun in ``out``:
    another version may estimate another cost.
    """
    identity, (fingerprint, shards, _) = identify(plan, placement), begun(out)
    if fingerprint != identity.fingerprint and plan.automatic and shards is not None:
        again = make_plan(plan.recipe.model_copy(update={"shards": shards}))
        found = identify(again, placement)
        if found.fingerprint == fingerprint:
            return again, found
    return plan, identity


def build(
    prepared: Prepared,
    *,
    workers: int = 1,
    shards: Sequence[int] | None = None,
    progress: bool = True,
    wait: bool = True,
) -> Manifest | None:
    """Build what is missing and assemble.

    Args:
        prepared: From ``prepare``.
        workers: Parallel processes for each device, 1 for this one; on the CPU each runs one thread.
        shards: Only these shards, without assembly; None for all.
        progress: Whether to show a bar.
        wait: Whether to wait for shards that other processes build.

    Returns:
        The manifest, or None when only some shards were asked for.

    Raises:
        OccupiedError: Other processes build some of the shards, and there is no waiting.
    """
    # Other builds may make other shards meanwhile.
    with prepared.lock if shards is None or prepared.complete else prepared.lock.shared():
        if prepared.complete:
            return finished(prepared)
        started = time.time()
        chosen = range(len(prepared.plan.shards)) if shards is None else shards
        tasks, devices = [prepared.task(shard) for shard in chosen], visible(prepared.placement)
        if not wait:
            refuse_held((shard_lock(prepared.out, task.stem) for task in tasks), prepared.out)
        count = sum(len(task.samples) for task in tasks)
        with Display(total=count, desc="editing", disable=not progress) as display:
            try:
                run_tasks(tasks, devices=devices * workers, advance=display.advance)
            except BaseException:
                # Of workers that were killed.
                remove_leftovers(prepared.out)
                raise
        if shards is not None:
            return None
        several = f" on {', '.join(devices)}" if len(devices) > 1 else ""
        return finish(prepared, started=started, engine=f"{workers * len(devices)} processes{several}")


def finished(prepared: Prepared) -> Manifest:
    """Return the manifest of a dataset that was there already, and intact."""
    logger.info("%s is complete; nothing to build", prepared.where)
    # Of a build that was killed when all but this was done.
    shutil.rmtree(prepared.out / ".cache", ignore_errors=True)
    manifest = read_manifest(prepared.where)
    _warn_of_passing(manifest, prepared.where)
    return manifest


def _warn_of_passing(manifest: Manifest, where: str) -> None:
    if passing := count_passing(manifest.counts):
        what = "%d samples of %s failed in a way that may not happen again; they are tried again in another folder only"
        logger.warning(what, passing, where)


def finish(prepared: Prepared, *, started: float, engine: str) -> Manifest:
    """Assemble a dataset whose shards are all built, and note how the run went (``started`` in seconds since the
    epoch).

    Raises:
        DataError: A shard is missing or damaged.
    """
    manifest = assemble(
        prepared.plan,
        prepared.identity,
        prepared.out,
        reuse=prepared.reuse,
        remote=prepared.remote,
        extras=prepared.extras,
    )
    spent = total(prepared.out)
    # What shards share, such as removed backgrounds, serves only a build that goes on.
    shutil.rmtree(prepared.out / ".cache", ignore_errors=True)
    remove_parts(prepared.out / prepared.plan.recipe.split)
    prepared.plan.file.delete()
    remove_leftovers(prepared.out)
    facts = {"seconds": round(time.time() - started, 1), "finished": round(time.time()), "engine": engine}
    begun_as = {"fingerprint": prepared.identity.fingerprint, "shards": len(prepared.plan.shards)}
    write_run(prepared.out, {**begun_as, **facts, "spent": spent})
    if prepared.remote is not None:
        complete_remote(prepared.remote, prepared.out, manifest)
        clear(prepared.out)
    _warn_of_passing(manifest, prepared.where)
    return manifest
