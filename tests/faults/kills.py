"""Kills: jobs that write are killed at random moments, run again, and must end in the files of one that was not.

Every job runs in a forked child that is killed (SIGKILL) either just before a random operation on files or after a
random time. A folder is killed several times in a row before its job may end. Inside of one shard a kill may cost the
group of samples that was being made, and no more.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import torch

from editmill.evaluators import exporters
from editmill.generators.models.placement import Placement
from editmill.manifests.growing import Built, GrowingTar
from editmill.manifests.manifest import RUN
from editmill.manifests.reader import open_dataset
from editmill.manifests.stats import read_stats
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.regating.regate import regate
from tests.manifests.builder import build_dataset
from tests.pipelines.regating.guarded import build_guarded

# Two shards without a network.
RECIPE = (
    "source.count=3",
    "source.size=64",
    "shards=2",
    "generator.side=64",
    "generator.least_pixels=4096",
    "generator.schemes=[{name: dwtDctSvd}]",
    "generator.attacks=[{name: pipeline, start: none}]",
)
# One shard of many groups, made with two pictures in a call of a network.
SHARD = (*RECIPE, "source.count=12", "shards=1")
MOST_IN_A_ROW = 4
CHANGING = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"})


@dataclass(frozen=True)
class Job:
    """Something that writes.

    Attributes:
        name: Of the job.
        work: Writes into a folder; given again the same folder, it goes on.
        start: Prepares the folder.
        check: Says what was wrong with the folder after so many kills, a line each.
    """

    name: str
    work: Callable[[Path], object]
    start: Callable[[Path], object] = lambda folder: None
    check: Callable[[Path, int], Iterator[str]] = lambda folder, kills: iter(())


def jobs(given: Path) -> list[Job]:
    """Return the jobs; what they read is written below ``given``."""
    build_dataset(given / "edits", sources=4)
    build_guarded(given / "guarded")
    plan, one = (make_plan(load_recipe("watermark", overrides=changes)) for changes in (RECIPE, SHARD))

    def built(folder: Path, plan: Plan = plan, *, batch: int = 1) -> None:
        build(prepare(plan, folder / "out", Placement(device="cpu", batch=batch)), progress=False)

    def counted(folder: Path) -> None:
        with _counting(_groups(folder)):
            built(folder, one, batch=2)

    def damaged(folder: Path) -> None:
        shutil.copytree(given / "whole", folder / "out")
        for path in (folder / "out").glob("test/*-000001.tar"):
            path.write_bytes(path.read_bytes()[:5000])
        (folder / "out" / RUN).write_bytes(b"{")

    def regated(folder: Path) -> None:
        if not (folder / "out").exists():
            regate(given / "guarded", folder / "out", overrides=("guard.contrast=2.0",))

    def exported(folder: Path) -> None:
        if not (folder / "out").exists():
            exporters()["imagenet-e"].write(open_dataset(given / "edits"), folder / "out", progress=False)

    # Here, once: children then find every module loaded.
    built(given)
    (given / "out").rename(given / "whole")
    in_shard = Job("shard", counted, check=_made_again)
    return [Job("build", built), in_shard, Job("mend", built, damaged), Job("regate", regated), Job("export", exported)]


def _groups(folder: Path) -> Path:
    """Return the file that says of a folder's shard how many samples each group had that was made, a line each."""
    return folder.with_suffix(".groups")


@contextmanager
def _counting(path: Path) -> Iterator[None]:
    """Note the groups that this process makes."""
    add = GrowingTar.add

    def noted(self: GrowingTar, samples: Sequence[Built], state: Any) -> None:
        with path.open("a") as stream:
            stream.write(f"{len(samples)}\n")
        add(self, samples, state)

    with mock.patch.object(GrowingTar, "add", noted):
        yield


def _made_again(folder: Path, kills: int) -> Iterator[str]:
    made = [int(line) for line in _groups(folder).read_text().splitlines()]
    again = sum(made) - read_stats(next(folder.glob("out/*/*_stats.json"))).planned
    if again > kills * max(made):
        yield f"{again} samples were made again after {kills} kills, in groups of at most {max(made)}"


def run(count: int, folder: Path, *, seed: int = 0) -> list[str]:
    """Kill ``count`` times and return what was wrong, a line each."""
    folder.mkdir(parents=True, exist_ok=True)
    # Threads would not live on in forked processes.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    drawn = random.Random(seed)
    whole = [(job, *_whole(job, folder / f"whole-{job.name}")) for job in jobs(folder / "given")]
    failures: list[str] = []
    killed = trial = 0
    while killed < count:
        job, expected, operations, seconds = whole[trial % len(whole)]
        killing = [_moment(drawn, operations, seconds) for _ in range(min(MOST_IN_A_ROW, count - killed))]
        failures += [f"{job.name}, {killing}: {what}" for what in _trial(job, killing, folder / f"{trial}", expected)]
        killed, trial = killed + len(killing), trial + 1
    return failures


Moment = tuple[int, float]


def _moment(drawn: random.Random, operations: int, seconds: float) -> Moment:
    """Return before which operation to kill, or 0 and after which time in seconds."""
    if drawn.random() < 0.7:
        return drawn.randint(1, operations), 0.0
    return 0, round(drawn.uniform(0, seconds), 3)


def _whole(job: Job, folder: Path) -> tuple[dict[str, str], int, float]:
    """Return the files of a job that is not killed, its operations on files, and how long it took."""
    folder.mkdir()
    job.start(folder)
    counted, started = folder.with_suffix(".count"), time.monotonic()
    status = _forked(job, folder, (0, 0.0), counted)
    if status != 0:
        raise RuntimeError(f"{job.name} failed without being killed")
    return _files(folder), int(counted.read_text()), time.monotonic() - started


def _trial(job: Job, killing: list[Moment], folder: Path, expected: dict[str, str]) -> Iterator[str]:
    folder.mkdir()
    job.start(folder)
    for moment in killing:
        status = _forked(job, folder, moment, None)
        if status not in (0, -signal.SIGKILL):
            yield f"exit code {status} after a kill"
    if (status := _forked(job, folder, (0, 0.0), None)) != 0:
        yield f"exit code {status} at the end"
    yield from job.check(folder, len(killing))
    found = _files(folder)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield f"{name} {'differs' if name in expected and name in found else 'is too much or missing'}"
    if (folder / "out" / RUN).exists():
        report = verify_dataset(folder / "out")
        yield from (str(problem) for problem in (*report.problems, *report.remarks))
    shutil.rmtree(folder)


def _forked(job: Job, folder: Path, moment: Moment, counted: Path | None) -> int:
    """Run a job in a child that is killed at a moment; return its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with _killing(moment[0], counted):
                job.work(folder)
            code = 0
        except BaseException as error:
            print(f"{job.name}: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    if moment[1]:
        time.sleep(moment[1])
        # A child that has ended already waits to be collected, so that its number is still its own.
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def _killing(before: int, counted: Path | None) -> Iterator[None]:
    """Kill this process just before an operation on files, counted from 1; 0 for never. Or write their number."""
    operations = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal operations
        if event in CHANGING:
            operations += 1
            if operations == before:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    yield
    if counted is not None:
        counted.write_text(str(operations))


def _files(folder: Path) -> dict[str, str]:
    """Return the digest of every file by path, hidden ones too; how a run went is left out."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != RUN)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
