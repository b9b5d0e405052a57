"""What a command says of an error that a user can put right, and its exit code."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType

from editmill.flows.extras import extra_of
from editmill.manifests.errors import EditmillError, RequestError, exhausted, out_of_memory
from editmill.manifests.plugins import install_hint


class Terminated(KeyboardInterrupt):
    """SIGTERM came, which asks for the same as Ctrl-C."""


@contextmanager
def stopping_cleanly() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM within the block; without it the process would end at once and leave its workers
    and half a file behind.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python handles signals there alone.
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def failure_of(error: BaseException) -> tuple[int, str] | None:
    """Return the exit code and the message of an error; None for a fault of our own, which keeps its traceback."""
    if isinstance(error, EditmillError):
        return error.exit_code, f"error: {error}"
    if isinstance(error, KeyboardInterrupt):
        # As shells count.
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        return 128 + number, "stopped; run the same command again to go on"
    if isinstance(error, BrokenProcessPool):
        what = "a worker process was killed, perhaps for memory"
        return 1, f"error: {what}\n  fix: run the same command again with fewer --workers"
    if out_of_memory(error) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        told = exhausted(error)
        return told.exit_code, f"error: {told}"
    if isinstance(error, ModuleNotFoundError) and (extra := extra_of(error.name or "")):
        missing = f"this command needs the package {error.name!r}\n  fix: {install_hint(extra)}"
        return RequestError.exit_code, f"error: {missing}"
    if isinstance(error, OSError):
        # A path that can't be is a wrong request; all else is the machine's.
        return (RequestError.exit_code if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else 1), _disk(error)
    return None


def _disk(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    fix = "free space there, or name another folder" if full else "put it right"
    where = f"\n  where: {error.filename}" if error.filename else ""
    return f"error: {error.strerror or error}{where}\n  fix: {fix}, and run the same command again"
