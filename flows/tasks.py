"""Prefect tasks: one per shard."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import torch
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed

from editmill.manifests.errors import DataError, ExhaustedError
from editmill.manifests.stats import ShardStats
from editmill.pipelines.build import Prepared
from editmill.pipelines.shard import Done, ShardTask, build_shard

logger = logging.getLogger("editmill.flows")

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


class ShardJob:
    """A shard's task, in a class that hides it: Prefect and Dask walk through tuples and dataclasses, sample by sample,
    in search of futures.

    Prefect's own ``quote`` does not serve: on Dask the task receives a tuple instead of what was quoted.
    """

    def __init__(self, shard_task: ShardTask) -> None:
        self.shard_task = shard_task


@task(  # type: ignore[untyped-decorator]
    name="build-shard",
    task_run_name="shard-{shard:06d}",
    # A cached result would call a shard done whose file is gone; the files alone decide.
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=list(RETRY_DELAYS),
    retry_condition_fn=is_infrastructure_fault,
)
def render_shard(shard: int, job: ShardJob) -> dict[str, Any]:
    """Build one shard, or check it when it is there; the files are the result, Prefect's state is not.

    Returns:
        The shard's number, planned and accepted samples, and the tar's path and sha256.
    """
    stats = _build_alone(shard, job.shard_task)
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


def submit_shards(prepared: Prepared, *, device: str) -> dict[int, PrefectFuture[dict[str, Any]]]:
    """Submit a task per shard of the plan."""
    with accelerator_slot(device):
        return {
            shard: render_shard.submit(shard, ShardJob(prepared.task(shard)))
            for shard in range(len(prepared.plan.shards))
        }


def accelerator_slot(device: str) -> AbstractContextManager[Any]:
    """Ask on Dask for one ``GPU`` resource per shard when a CUDA device was asked for by name; elsewhere nothing."""
    if not device.startswith("cuda"):
        return nullcontext()
    # Without Dask there are no resources to ask for, and other runners ignore the annotation.
    try:
        dask = import_module("dask")
    except ImportError:
        return nullcontext()
    slot: AbstractContextManager[Any] = dask.annotate(resources={"GPU": 1})
    return slot


def collect(
    futures: dict[int, PrefectFuture[dict[str, Any]]], *, out: str, advance: Callable[[int], object]
) -> list[dict[str, Any]]:
    """Wait for every shard.

    Args:
        futures: From ``submit_shards``.
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
