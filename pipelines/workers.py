"""Shards in one process or in several."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.queues import Queue, SimpleQueue
from multiprocessing.util import Finalize

from tqdm import tqdm

from editmill.ending import leave
from editmill.manifests.stats import ShardStats
from editmill.pipelines.shard import Done, ShardTask, build_shard

# Of a worker: where it tells what it has done, and where its models run.
_progress: Queue[Done] | None = None
_device = ""


def run_tasks(
    tasks: Sequence[ShardTask], *, devices: Sequence[str], advance: Callable[[Done], object]
) -> list[ShardStats]:
    """Build shards in this process, or in several spawned ones, each on one of the devices.

    The first failure is raised after the running shards have ended.
    """
    if len(devices) == 1:
        return [build_shard(task, advance) for task in tasks]
    # CUDA can't be used in forked processes, and locks that threads of torch or OpenCV hold stay locked in them.
    context = multiprocessing.get_context("spawn")
    done: Queue[Done] = context.Queue()
    # Every process takes one, however many are started.
    places: SimpleQueue[str] = context.SimpleQueue()
    for device in devices:
        places.put(device)
    # A queue reaches a process only while it is started, not as the argument of a task.
    with ProcessPoolExecutor(
        min(len(devices), max(1, len(tasks))), mp_context=context, initializer=_initialise, initargs=(done, places)
    ) as pool:
        with _deaf_to_interrupts():
            # The largest first, so that no process is left alone with one at the end.
            futures = [pool.submit(_run, task) for task in sorted(tasks, key=lambda task: -len(task.samples))]
        try:
            _follow(futures, done, advance)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                _kill_workers()
            # Those that wait are dropped, those that run are waited for.
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Have processes that are started meanwhile never see SIGINT, which terminals send to them too: the parent decides.

    This process gets one that comes meanwhile at the end.
    """
    # From the first instruction on, and so by the mask that they inherit: an import that is interrupted tells it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill_workers() -> None:
    """Kill the running shards: nobody wants to wait for them, and what is not finished is built again."""
    for worker in multiprocessing.active_children():
        worker.kill()


def _follow(futures: Sequence[Future[ShardStats]], done: Queue[Done], advance: Callable[[Done], object]) -> None:
    pending = set(futures)
    while pending:
        ended, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in ended:
            future.result()
        _drain(done, advance)
    # The last messages may still be on their way when the tasks are done.
    _drain(done, advance, seconds=0.05)


def _drain(done: Queue[Done], advance: Callable[[Done], object], *, seconds: float = 0) -> None:
    try:
        while True:
            advance(done.get(timeout=seconds))
    except queue.Empty:
        return


def _initialise(done: Queue[Done], places: SimpleQueue[str]) -> None:
    global _progress, _device
    _progress, _device = done, places.get()
    # Shared between processes by default, with a semaphore that a killed one would leave behind.
    tqdm.set_lock(threading.RLock())
    # Spawned processes have none of the logging that the parent set up.
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    threading.Thread(target=_follow_parent, daemon=True).start()
    # The last of all that multiprocessing does at the end.
    Finalize(None, leave, exitpriority=-100)


def _follow_parent() -> None:
    """End with the parent, also when it was killed: a worker left behind would hold its memory or its accelerator."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # sys.exit would end this thread alone.
        os._exit(1)


def _run(task: ShardTask) -> ShardStats:
    assert _progress is not None
    return build_shard(replace(task, placement=replace(task.placement, device=_device)), _progress.put)
