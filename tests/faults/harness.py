"""Runs cases, each in a forked process with bounded time and memory, and judges what came of them."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.case import Case
from tests.faults.judge import Outcome, faults_of

SECONDS = 10
# A busy machine is no fault of a command: processor time is bounded by SECONDS, and waiting by this.
WALL_SECONDS = 30
MEMORY = 1 << 30
# Their import is paid once, before the first fork; none of them starts a thread when it is imported.
HEAVY = ("torch", "torchvision", "cv2", "transformers", "diffusers", "pyarrow.parquet", "pyarrow.dataset", "tqdm")
# Training and orchestration have entry points of their own.
LEFT_OUT = ("editmill.packs.tabletop.train", "editmill.packs.tabletop.studies", "editmill.flows.")


@dataclass(frozen=True)
class Verdict:
    """What a case came to: its outcome, and what is wrong with it; nothing where it was handled."""

    case: Case
    outcome: Outcome
    faults: tuple[str, ...]


def warm_up() -> None:
    """Import what commands import, so that each case pays for its own work alone."""
    import editmill

    for name in HEAVY:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(editmill.__path__, "editmill."):
        if not module.name.startswith(LEFT_OUT) and not module.name.endswith("__main__"):
            # What an extra that is not installed brings is no matter of this corpus.
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    importlib.import_module("editmill.flows.cli")
    importlib.import_module("torch").set_num_threads(1)


def run_cases(cases: Iterable[Case], folder: Path) -> Iterator[Verdict]:
    """Run cases below ``folder`` and yield what came of each; the folders of those that were handled are deleted."""
    for number, case in enumerate(cases):
        place = folder / f"{number:04}"
        verdict = run_case(case, place)
        if not verdict.faults:
            shutil.rmtree(place, ignore_errors=True)
        yield verdict


def run_case(case: Case, place: Path) -> Verdict:
    """Make a case's files in ``place/work`` and run its command there."""
    work = place / "work"
    work.mkdir(parents=True)
    case.make(work)
    before = _names(work)
    child = os.fork()
    if not child:
        _become(case, place, work)
    started = time.monotonic()
    code, usage = _wait(child)
    outcome = Outcome(
        code=code,
        out=(place / "stdout").read_text(errors="surrogateescape"),
        err=(place / "stderr").read_text(errors="surrogateescape"),
        seconds=usage.ru_utime + usage.ru_stime,
        waited=time.monotonic() - started,
        memory=_memory(place),
        left=tuple(sorted(_names(work) - before)),
    )
    return Verdict(case, outcome, tuple(faults_of(case, outcome, work, seconds=SECONDS, memory=MEMORY)))


def _names(work: Path) -> set[str]:
    return {
        os.path.join(folder, name)[len(str(work)) + 1 :]
        for folder, dirs, files in os.walk(work)
        for name in dirs + files
    }


def _wait(child: int) -> tuple[int, resource.struct_rusage]:
    """Wait for a process, and end its group when it takes too long; returns a negative signal number then."""
    descriptor = os.pidfd_open(child)
    try:
        if not select.select([descriptor], [], [], WALL_SECONDS)[0]:
            os.killpg(child, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage


def _become(case: Case, place: Path, work: Path) -> None:
    """Run the command as the forked process, and never return."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(work)
        _redirect(place)
        base = _status("VmRSS"), _status("VmData")
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 2))
        # A little above the bound, so that what exceeds it is measured before it is refused.
        limit = base[1] + MEMORY + (256 << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = _call(case.command)
        sys.stdout.flush()
        sys.stderr.flush()
        (place / "memory").write_text(str(_status("VmHWM") - base[0]))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _redirect(place: Path) -> None:
    for number, path, flags in (
        (0, Path(os.devnull), os.O_RDONLY),
        (1, place / "stdout", os.O_WRONLY | os.O_CREAT),
        (2, place / "stderr", os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(path, flags), number)
    # Streams that a test runner has put in place are not this process's.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def _call(arguments: tuple[str, ...]) -> int:
    from editmill.flows.cli import main

    try:
        main.main(args=list(arguments), prog_name="editmill")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _status(field: str) -> int:
    """Return a figure of this process in bytes."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(f"{field}:"))


def _memory(place: Path) -> int | None:
    path = place / "memory"
    return int(path.read_text()) if path.exists() else None
