"""Prefect tasks: what needs models, above all one per shard."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

import torch
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from editmill.flows.artifacts import artifact_key, post_failures
from editmill.flows.engines import accelerator_slot
from editmill.flows.failures import explained
from editmill.flows.reports import Meter, Report, listening, send, shown
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import DataError, EditmillError, ExhaustedError, first_line
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.progress import hearing
from editmill.manifests.stats import ShardStats
from editmill.pipelines.build import Prepared
from editmill.pipelines.calibrate import calibrate_guards
from editmill.pipelines.plan import Plan
from editmill.pipelines.shard import Done, ShardTask, build_shard

logger = logging.getLogger("editmill.flows")
T = TypeVar("T")

RETRIES = 2
RETRY_DELAYS = (10.0, 60.0)
NAMED_FAILURES = 10
# Trying again brings back neither a file nor a permission.
PERMANENT = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
TRANSIENT = (OSError, MemoryError, ExhaustedError, torch.OutOfMemoryError)
# Models hold state while they sample, so the threads of one process take turns with them.
_models_in_use = threading.Lock()


def is_infrastructure_fault(task: object, task_run: object, state: State[Any]) -> bool:
    """Return whether a failed attempt is worth another: the disk, the network or memory failed, not the data or the
    request.
    """
    error = state.data
    return isinstance(error, TRANSIENT) and not isinstance(error, PERMANENT)


class Hidden(Generic[T]):
    """What a task is given, in a class that hides it: Prefect and Dask walk through tuples and dataclasses, sample by
    sample, in search of futures.

    Prefect's own ``quote`` does not serve: on Dask the task receives a tuple instead of what was quoted.
    """

    def __init__(self, value: T) -> None:
        self.value = value


# A cached result would call a shard done whose file is gone; the files alone decide.
_options: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": RETRIES,
    "retry_delay_seconds": list(RETRY_DELAYS),
    "retry_condition_fn": is_infrastructure_fault,
}


@task(name="find-device", task_run_name="find-device", **_options)  # type: ignore[untyped-decorator]
def find_device(job: Hidden[Placement]) -> Placement:
    """Return a placement with every choice made where models run."""
    job.value.check()
    return job.value.settled()


@task(name="calibrate-guards", task_run_name="calibrate-guards", **_options)  # type: ignore[untyped-decorator]
def calibrate(job: Hidden[tuple[Plan, Path, Placement, str, Path | None]], topic: str) -> GuardReport | None:
    """Calibrate the guards of a plan, or read the report that its folder has."""
    return _calibrate_alone(*job.value, topic)


@task(name="build-shard", task_run_name="shard-{shard:06d}", **_options)  # type: ignore[untyped-decorator]
def render_shard(shard: int, job: Hidden[ShardTask], topic: str) -> dict[str, Any]:
    """Build one shard, or check it when it is there; the files are the result, Prefect's state is not.

    Returns:
        The shard's number, planned and accepted samples, and the tar's path and sha256.
    """
    stats = _build_alone(shard, job.value, topic)
    return {
        "shard": shard,
        "planned": stats.planned,
        "accepted": stats.nsamples,
        "path": stats.tar.path,
        "sha256": stats.tar.sha256,
    }


# Functions of their own, since Dask pickles a task's body by value, with every global it names; a lock can't be.
def _calibrate_alone(
    plan: Plan, out: Path, placement: Placement, inputs: str, reuse: Path | None, topic: str
) -> GuardReport | None:
    log_core_messages()
    with _models_in_use, hearing(lambda done: send(topic, Report(0, done))):
        return calibrate_guards(plan, out, placement, inputs, reuse=reuse)


def _build_alone(shard: int, shard_task: ShardTask, topic: str) -> ShardStats:
    log_core_messages()
    with _models_in_use:
        started = time.monotonic()
        stats = build_shard(shard_task, _reporting(shard, topic))
    seconds = time.monotonic() - started
    logger.info("shard %06d: %d of %d samples accepted, %.0f s", shard, stats.nsamples, stats.planned, seconds)
    return stats


def _reporting(shard: int, topic: str) -> Callable[[Done], None]:
    """Return a progress callback that tells the flow what is done of a shard."""
    report = Report(shard, 0)

    def advance(now: Done) -> None:
        nonlocal report
        done, accepted = report.done + now.samples, report.accepted + now.accepted
        report = Report(shard, done, accepted, report.earlier + now.samples * now.earlier)
        send(topic, report)

    return advance


def log_core_messages() -> None:
    """Let the core's INFO messages through to the run's log; without a level of its own only warnings arrive there."""
    logging.getLogger("editmill").setLevel(logging.INFO)


class Tasks:
    """The tasks of one run, on what runs them.

    Args:
        runner: It has been started.
    """

    def __init__(self, runner: TaskRunner[Any]) -> None:
        self.runner = runner
        # Of what they tell; a scheduler may serve several runs.
        self.topic = f"editmill-{uuid4().hex}"

    def find_device(self, placement: Placement) -> Placement:
        """Return a placement as it comes to where models run, which may be another machine.

        Raises:
            RequestError: The device can't be used there.
        """
        found: Placement = self.runner.submit(find_device, {"job": Hidden(placement)}).result()
        return found

    def calibrate(
        self, plan: Plan, out: Path, placement: Placement, inputs: str, *, reuse: Path | None = None
    ) -> GuardReport | None:
        """Calibrate a plan's guards; see `calibrate_guards`."""
        if plan.recipe.calibration is None:
            return None
        meter = Meter(len(plan.calibration), "calibration sources")
        key = artifact_key(plan.recipe.name, "calibration")
        job = Hidden((plan, out, placement, inputs, reuse))
        with listening(self.runner, self.topic, meter.hear), shown(meter, key):
            with accelerator_slot(self.runner, placement.device):
                future = self.runner.submit(calibrate, {"job": job, "topic": self.topic})
            report: GuardReport | None = future.result()
            meter.hear(Report(0, meter.total))
        return report

    def build(self, prepared: Prepared) -> None:
        """Build every shard of a plan.

        Raises:
            DataError: Some shards failed; it names them, after all others have ended.
        """
        name, shards = prepared.plan.recipe.name, range(len(prepared.plan.shards))
        meter = Meter(sum(len(shard) for shard in prepared.plan.shards), "samples")
        with listening(self.runner, self.topic, meter.hear), shown(meter, artifact_key(name, "progress")):
            with accelerator_slot(self.runner, prepared.placement.device):
                futures = {shard: self._submit(shard, prepared.task(shard)) for shard in shards}
            failures = failed(futures)
        if failures:
            post_failures(name, failures, len(futures), prepared.where)
            raise _shards_failed(failures, planned=len(futures), out=prepared.where)

    def _submit(self, shard: int, task: ShardTask) -> PrefectFuture[dict[str, Any]]:
        return self.runner.submit(render_shard, {"shard": shard, "job": Hidden(task), "topic": self.topic})


def failed(futures: Mapping[int, PrefectFuture[Any]]) -> dict[int, EditmillError]:
    """Wait for all shards, and return what failed ones say."""
    failures = {}
    # All of them: what the other shards have done is kept for the next run.
    for shard, future in futures.items():
        try:
            future.result()
        except Exception as error:
            what = f"{type(error).__name__}: {first_line(error)}"
            failures[shard] = explained(error) or DataError(what, fix="see the log of the shard's task")
    return failures


def _shards_failed(failures: Mapping[int, EditmillError], *, planned: int, out: str) -> DataError:
    lines = [f"shard {shard:06d}: {said.what}" for shard, said in failures.items()]
    more = [f"and {len(lines) - NAMED_FAILURES} more"] if len(lines) > NAMED_FAILURES else []
    listed = "".join(f"\n    {line}" for line in lines[:NAMED_FAILURES] + more)
    return DataError(
        f"{len(failures)} of {planned} shards failed, so the dataset was not assembled:{listed}",
        where=out,
        fix="remove the cause and run again with the same parameters; finished shards are kept",
    )
