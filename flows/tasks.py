"""Prefect tasks: what needs models, above all one per shard."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner

from editmill.flows.engines import accelerator_slot
from editmill.generators.models.loading import Placement
from editmill.manifests.errors import DataError, ExhaustedError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.stats import ShardStats
from editmill.pipelines.build import Prepared
from editmill.pipelines.calibrate import calibrate_guards
from editmill.pipelines.plan import Plan
from editmill.pipelines.shard import Done, ShardTask, build_shard

logger = logging.getLogger("editmill.flows")
T = TypeVar("T")

RETRIES = 2
RETRY_DELAYS = (10.0, 60.0)
LOG_EVERY = 30.0
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


@task(name="find-device", **_options)  # type: ignore[untyped-decorator]
def find_device(job: Hidden[Placement]) -> Placement:
    """Return a placement with every choice made where models run."""
    job.value.resolve()
    return job.value.settled()


@task(name="calibrate-guards", **_options)  # type: ignore[untyped-decorator]
def calibrate(job: Hidden[tuple[Plan, Path, Placement, str]]) -> GuardReport | None:
    """Calibrate the guards of a plan, or read the report that its folder has."""
    return _calibrate_alone(*job.value)


@task(name="build-shard", task_run_name="shard-{shard:06d}", **_options)  # type: ignore[untyped-decorator]
def render_shard(shard: int, job: Hidden[ShardTask]) -> dict[str, Any]:
    """Build one shard, or check it when it is there; the files are the result, Prefect's state is not.

    Returns:
        The shard's number, planned and accepted samples, and the tar's path and sha256.
    """
    stats = _build_alone(shard, job.value)
    return {
        "shard": shard,
        "planned": stats.planned,
        "accepted": stats.nsamples,
        "path": stats.tar.path,
        "sha256": stats.tar.sha256,
    }


def _build_alone(shard: int, shard_task: ShardTask) -> ShardStats:
    """Return the task's work. A function of its own, since Dask pickles a task's body by value, with every global it
    names; a lock can't be.
    """
    log_core_messages()
    with _models_in_use:
        return build_shard(shard_task, _log_progress(shard, len(shard_task.samples)))


def log_core_messages() -> None:
    """Let the core's INFO messages through to the run's log; without a level of its own only warnings arrive there."""
    logging.getLogger("editmill").setLevel(logging.INFO)


def _calibrate_alone(plan: Plan, out: Path, placement: Placement, inputs: str) -> GuardReport | None:
    log_core_messages()
    with _models_in_use:
        return calibrate_guards(plan, out, placement, inputs)


class Tasks:
    """The tasks of one run, on what runs them.

    Args:
        runner: It has been started.
    """

    def __init__(self, runner: TaskRunner[Any]) -> None:
        self.runner = runner

    def find_device(self, placement: Placement) -> Placement:
        """Return a placement as it comes to where models run, which may be another machine.

        Raises:
            RequestError: The device can't be used there.
        """
        found: Placement = self.runner.submit(find_device, {"job": Hidden(placement)}).result()
        return found

    def calibrate(
        self, plan: Plan, out: Path, placement: Placement, inputs: str, *, reuse: None = None
    ) -> GuardReport | None:
        """Calibrate a plan's guards; see `calibrate_guards`. Flows that build reuse nothing."""
        if plan.recipe.calibration is None:
            return None
        with accelerator_slot(self.runner, placement.device):
            future = self.runner.submit(calibrate, {"job": Hidden((plan, out, placement, inputs))})
        report: GuardReport | None = future.result()
        return report

    def build(self, prepared: Prepared) -> dict[int, PrefectFuture[dict[str, Any]]]:
        """Submit a task per shard of the plan."""
        with accelerator_slot(self.runner, prepared.placement.device):
            return {
                shard: self.runner.submit(render_shard, {"shard": shard, "job": Hidden(prepared.task(shard))})
                for shard in range(len(prepared.plan.shards))
            }


def collect(
    futures: dict[int, PrefectFuture[dict[str, Any]]], *, out: str, advance: Callable[[int], object]
) -> list[dict[str, Any]]:
    """Wait for every shard.

    Args:
        futures: From ``Tasks.build``.
        out: The dataset's folder, for the message.
        advance: Called with the number of ended shards whenever one has ended.

    Raises:
        DataError: Some shards failed; it names them, after all others have ended.
    """
    # All of them, failed ones too: what the other shards have done is kept for the next run.
    for ended, _ in enumerate(as_completed(list(futures.values())), start=1):
        advance(ended)
    done, failures = [], {}
    for shard, future in futures.items():
        try:
            done.append(future.result())
        except Exception as error:
            failures[shard] = error
    if failures:
        raise _shards_failed(failures, planned=len(futures), out=out)
    return done


def _shards_failed(failures: dict[int, Exception], *, planned: int, out: str) -> DataError:
    lines = [
        f"shard {shard:06d}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        for shard, error in failures.items()
    ]
    more = [f"and {len(lines) - NAMED_FAILURES} more"] if len(lines) > NAMED_FAILURES else []
    listed = "".join(f"\n    {line}" for line in lines[:NAMED_FAILURES] + more)
    return DataError(
        f"{len(failures)} of {planned} shards failed, so the dataset was not assembled:{listed}",
        where=out,
        fix="remove the cause and run again with the same parameters; finished shards are kept",
    )


def _log_progress(shard: int, planned: int) -> Callable[[Done], None]:
    """Return a progress callback that logs at most every ``LOG_EVERY`` seconds."""
    done, logged = 0, time.monotonic()

    def advance(now: Done) -> None:
        nonlocal done, logged
        done += now.samples
        if time.monotonic() - logged >= LOG_EVERY:
            logged = time.monotonic()
            logger.info("shard %06d: %d of %d samples", shard, done, planned)

    return advance
