"""Locks on folders that several machines share: small files that are made new or not at all.

flock serves one machine: network file systems often keep it to the node, or have none. The file of a lock says who
holds it, and a thread renews its time while the holder lives. A lock is dead when its process is gone, if that was one
of this machine, and otherwise when it was not renewed for `STALE` seconds. Whoever wants it then takes it away.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import socket
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from editmill.manifests.errors import DataError, OccupiedError
from editmill.manifests.files import FileProblem, read_json

LOCK_SUFFIX = ".editmill-lock"
# Seconds between two renewals, until a lock without them is dead, and between two looks of one who waits.
BEAT, STALE, LOOK = 5.0, 60.0, 0.5

logger = logging.getLogger("editmill.manifests")


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        host: The machine's name, for messages.
        machine: What tells machines, their boots and containers apart; process numbers count within one.
        pid: The process.
        started: When that started, by the machine's count; a number may be given out again.
        since: When it took the lock, in seconds since the epoch.
        token: Drawn for this lock alone.
    """

    host: str = ""
    machine: str = ""
    pid: int = 0
    started: str = ""
    since: float = 0.0
    token: str = ""

    def __str__(self) -> str:
        if not self.token:
            return "an unknown process, since its lock can't be read"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since}"


class Lock:
    """A lock that this process holds until it is released or the object is gone; see `take`."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path, self._token = path, holder.token
        stop = threading.Event()
        self.release = weakref.finalize(self, _release, path, holder, stop)
        threading.Thread(target=_renew, args=(path, holder.token, stop), daemon=True).start()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def check(self) -> None:
        """Make sure that the lock is still this process's; one that slept may have lost it.

        Raises:
            DataError: Another process took it.
        """
        if _token(self.path) != self._token:
            what = f"another process took the work over, since this one did not answer for {STALE:.0f} seconds"
            raise DataError(what, where=str(self.path), fix="run the same command again")

    def shared(self) -> Lock:
        """Give the lock back for one in the same folder that shows that this process works there, beside others."""
        beside = take(self.path.with_name(f".{secrets.token_hex(8)}{LOCK_SUFFIX}"), "the folder")
        self.release()
        return beside


def take(path: Path, what: str, *, wait: bool = True) -> Lock:
    """Make a lock, or wait for it.

    Args:
        path: The lock's file, hidden, with the suffix of locks.
        what: What it guards, in messages.
        wait: Whether to wait while another process holds it.

    Raises:
        OccupiedError: Another one holds it, and there is no waiting.
        OSError: The folder can't be written to.
    """
    told = False
    while True:
        holder = _myself()
        if _made(path, holder):
            return Lock(path, holder)
        other = live_holder(path)
        if other is not None and not wait:
            raise occupied(path, other, what)
        if other is not None and not told:
            logger.warning("waiting for %s, which %s holds", what, other)
            told = True
        time.sleep(0 if other is None else LOOK)


def occupied(path: Path, holder: Holder, what: str) -> OccupiedError:
    """Return the refusal of what another process holds."""
    fix = "wait for it (leave out --no-wait), or stop it"
    if holder.machine != _machine():
        fix += f"; it counts as gone when the lock has not been renewed for {STALE:.0f} seconds"
    return OccupiedError(f"{what} is in use by {holder}", where=str(path), fix=fix)


def live_holder(path: Path) -> Holder | None:
    """Return who holds a lock; None where nobody does. The file of a dead holder is removed."""
    holder = _read(path)
    if holder is None or _lives(path, holder):
        return holder
    # Moved first: of several processes that find it dead, one moves it, and it may not be the new one of another.
    aside = path.with_name(f".{secrets.token_hex(8)}{LOCK_SUFFIX}")
    with suppress(FileNotFoundError):
        os.rename(path, aside)
        if _token(aside) != holder.token:
            with suppress(OSError):
                os.link(aside, path)
        else:
            logger.info("removed the lock %s of %s, which is gone", path, holder)
        aside.unlink()
    return None


def others_in(folder: Path) -> dict[Path, Holder]:
    """Return the locks that other processes hold in a folder; those of dead ones are removed."""
    held = {path: live_holder(path) for path in folder.glob(f".*{LOCK_SUFFIX}")}
    mine = _myself()
    return {
        path: holder
        for path, holder in held.items()
        if holder is not None and (holder.machine, holder.pid) != (mine.machine, mine.pid)
    }


def _made(path: Path, holder: Holder) -> bool:
    """Make the file of a lock, unless there is one."""
    try:
        stream = open(path, "x")  # noqa: SIM115 - closed below, where the disk may turn out to be full
    except FileExistsError:
        return False
    try:
        with stream:
            json.dump(asdict(holder), stream)
    except OSError:
        path.unlink()
        raise
    return True


def _lives(path: Path, holder: Holder) -> bool:
    if holder.machine == _machine():
        return _started(holder.pid) in (holder.started, "")
    try:
        return _now(path.parent) - path.stat().st_mtime < STALE
    except FileNotFoundError:
        return False


def _now(folder: Path) -> float:
    """Return the time by the clock that stamps a folder's files, which may be another machine's."""
    with tempfile.TemporaryFile(dir=folder, prefix=".", suffix=LOCK_SUFFIX) as probe:
        os.utime(probe.fileno())
        return os.fstat(probe.fileno()).st_mtime


def _renew(path: Path, token: str, stop: threading.Event) -> None:
    while not stop.wait(BEAT):
        with suppress(OSError):
            if _token(path) == token:
                os.utime(path)


def _release(path: Path, holder: Holder, stop: threading.Event) -> None:
    stop.set()
    # A forked process has the object too.
    if holder.pid == os.getpid() and _token(path) == holder.token:
        path.unlink(missing_ok=True)


def _token(path: Path) -> str:
    holder = _read(path)
    return "" if holder is None else holder.token


def _read(path: Path) -> Holder | None:
    """Return the holder that a file names, an unknown one where it names none (yet); None where there is no file."""
    try:
        facts = read_json(path)
        whole = all(type(facts[name]) is type(unknown) for name, unknown in vars(Holder()).items())
        return Holder(**facts) if whole else Holder()
    except FileProblem as problem:
        return None if problem.errno == errno.ENOENT else Holder()
    except (TypeError, KeyError):
        return Holder()


def _myself() -> Holder:
    pid = os.getpid()
    return Holder(socket.gethostname(), _machine(), pid, _started(pid) or "", time.time(), secrets.token_hex(8))


def _machine() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(pid: int) -> str | None:
    """Return when a process of this machine started, empty where that can't be told; None where there is none."""
    try:
        # The name before them, in brackets, may hold anything.
        state, *facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else facts[18]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""
