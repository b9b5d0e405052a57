"""What tasks tell the flow of their progress, from whichever process, and what the run's page says of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from importlib import import_module
from typing import Any, NamedTuple
from uuid import UUID

from prefect.artifacts import create_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.task_runners import TaskRunner

logger = logging.getLogger("editmill.flows")

# Seconds between two updates of the page, and between two lines of the log.
UPDATE_EVERY, LOG_EVERY = 2.0, 30.0


class Report(NamedTuple):
    """How far a task is.

    Attributes:
        part: The task's, such as the number of a shard.
        done: Items that are done.
        accepted: How many of them are accepted.
        earlier: How many of them were done before this run.
    """

    part: int
    done: int
    accepted: int = 0
    earlier: int = 0


Listener = Callable[[Report], object]
# By topic, for tasks that run in the flow's own process.
_listeners: dict[str, Listener] = {}


def send(topic: str, report: Report) -> None:
    """Tell the flow how far a task is."""
    if topic in _listeners:
        _listeners[topic](report)
        return
    # Not in the flow's process, so in a worker of Dask.
    import_module("distributed").get_worker().log_event(topic, tuple(report))


@contextmanager
def listening(runner: TaskRunner[Any], topic: str, listener: Listener) -> Iterator[None]:
    """Hand what tasks of a runner tell under a topic to the listener, in another thread."""
    client = getattr(runner, "client", None)
    if client is not None:
        client.subscribe_topic(topic, lambda event: listener(Report(*event[1])))
    else:
        _listeners[topic] = listener
    try:
        yield
    finally:
        if client is not None:
            client.unsubscribe_topic(topic)
        _listeners.pop(topic, None)


class Meter:
    """Counts items over all tasks, and tells the rate of this run and the time that is left.

    Args:
        total: Items.
        unit: What they are, such as "samples".
    """

    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit = total, unit
        self._parts: dict[int, Report] = {}
        self._started = time.monotonic()

    def hear(self, report: Report) -> None:
        """Take the newest report of a task; one that was started again counts what its first try left as earlier."""
        before = self._parts.get(report.part)
        if before is not None and report.earlier > before.earlier:
            report = report._replace(earlier=before.earlier)
        self._parts[report.part] = report

    @property
    def share(self) -> float:
        """What is done, in percent."""
        return 100 * self._sum("done") / max(1, self.total)

    def __str__(self) -> str:
        done = self._sum("done")
        fresh, seconds = done - self._sum("earlier"), time.monotonic() - self._started
        words = [f"{done:,} of {self.total:,} {self.unit}"]
        if done and (accepted := self._sum("accepted")):
            words.append(f"{accepted / done:.0%} accepted")
        if fresh and done < self.total:
            words += [f"{60 * fresh / seconds:.1f} a minute", f"{span((self.total - done) * seconds / fresh)} left"]
        return ", ".join(words)

    def _sum(self, field: str) -> int:
        return sum(getattr(report, field) for report in list(self._parts.values()))


def span(seconds: float) -> str:
    """Return a time in words that are short: 45 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def shown(meter: Meter, key: str) -> Iterator[None]:
    """Show a meter on the run's page, as a progress artifact, and in its log."""
    artifact: UUID = create_progress_artifact(0.0, key=key, description=str(meter))
    ended = threading.Event()
    # Prefect's settings are those of a context, which threads do not inherit.
    run = copy_context().run
    thread = threading.Thread(target=run, args=(_follow, meter, artifact, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(meter: Meter, artifact: UUID, ended: threading.Event) -> None:
    logged, said = time.monotonic(), ""
    # A client of this thread's own: Prefect's functions would open a new one for each update.
    with get_client(sync_client=True) as client:
        while True:
            last = ended.wait(UPDATE_EVERY)
            if str(meter) != said:
                said = str(meter)
                client.update_artifact(artifact, ArtifactUpdate(data=round(meter.share, 1), description=said))
            if last:
                return
            if time.monotonic() - logged >= LOG_EVERY:
                logged = time.monotonic()
                logger.info("%s", said)
