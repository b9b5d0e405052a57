"""Refreshes that are killed: ``python -m tests.pipelines.refresh_kills PACK TEMPLATE SCRATCH POINTS``.

A process of its own forks one child per refresh, so that libraries are imported once and nobody else's threads are
forked. A child is killed, as by SIGKILL, at the N-th change of a file below the folder; the next one goes on.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch

from editmill.manifests.locks import LOCK_SUFFIX
from editmill.manifests.reader import open_dataset
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.provenance import code_commit
from tests.pipelines.test_refresh import recipe_of, refresh
from tests.pipelines.test_reuse import files

CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate"}


def watch(root: Path, at: Callable[[int], object]) -> None:
    """Call ``at`` with the number of every change of a file below ``root``, before it happens."""
    seen = [0]

    def counts(path: object) -> bool:
        # Locks and accounts are written again by the clock, so that their number is another one in every run.
        return str(path).startswith(str(root)) and not str(path).endswith(LOCK_SUFFIX) and "/spent/" not in str(path)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or written) and any(map(counts, arguments[:2])):
            seen[0] += 1
            at(seen[0])

    sys.addaudithook(hook)


def in_child(work: Callable[[], object]) -> int:
    """Run something in a child; return its exit status as ``os.waitstatus_to_exitcode`` gives it."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(pack: Path, template: Path, scratch: Path, points: int) -> None:
    """Kill refreshes at points spread over all changes of files, and let the next one finish."""
    # Threads would not live on in forked processes.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    # Remembered: a commit made meanwhile is none of this test's changes.
    code_commit()
    here = scratch / "here"
    recipe, root, count = recipe_of(pack, here / "photos/labels.csv"), here / "root", scratch / "count"

    def fresh() -> None:
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(template, here, symlinks=True)

    def counted() -> None:
        watch(root, lambda number: count.write_text(str(number)))
        refresh(recipe, root)

    def killed(point: int) -> None:
        watch(root, lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == point else None)
        refresh(recipe, root)

    # Here, once: children then find every module and model loaded.
    fresh()
    refresh(recipe, root)
    whole = files(root / "versions/2.0.0")
    fresh()
    assert in_child(counted) == 0
    total = int(count.read_text())
    for number in range(points):
        fresh()
        point = 1 + (total - 1) * number // max(1, points - 1)
        assert in_child(lambda point=point: killed(point)) == -signal.SIGKILL, point
        # Whatever was going on, readers have a whole version.
        assert verify_dataset(root).ok, point
        before = open_dataset(root).manifest.version
        assert in_child(lambda: refresh(recipe, root)) == 0, point
        assert open_dataset(root, verify=True).manifest.version == "2.0.0", point
        assert files(root / "versions/2.0.0") == whole, point
        assert not (root / "next").exists(), point
        print(f"killed at change {point} of {total}: {before} was served, then 2.0.0", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
