"""What a command says of an error that a user can put right, and its exit code."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType

from editmill.ending import STOPPED
from editmill.flows.extras import extra_of
from editmill.manifests.errors import DataError, EditmillError, RequestError, exhausted, out_of_memory
from editmill.manifests.plugins import install_hint
from editmill.manifests.urls import is_url


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
    if isinstance(error, KeyboardInterrupt):
        # As shells count.
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        return 128 + number, STOPPED
    told = explained(error)
    return None if told is None else (told.exit_code, f"error: {told}")


def explained(error: BaseException) -> EditmillError | None:
    """Return an error as one that says what helps; None for a fault of our own."""
    if isinstance(error, EditmillError):
        return error
    if isinstance(error, BrokenProcessPool):
        what = "a worker process was killed, perhaps for memory"
        return DataError(what, fix="run the same command again with fewer --workers")
    if out_of_memory(error) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return exhausted(error)
    if isinstance(error, ModuleNotFoundError) and (extra := extra_of(error.name or "")):
        return RequestError(f"this command needs the package {error.name!r}", fix=install_hint(extra))
    return _disk(error) if isinstance(error, OSError) else None


def _disk(error: OSError) -> EditmillError:
    fix = "put it right"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        fix = "free space there, or name another folder"
    elif is_url(error.filename or ""):
        fix = "check the address and the network"
    # A path that can't be is a wrong request; all else is the machine's.
    kind = RequestError if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else DataError
    where = str(error.filename or "")
    return kind(error.strerror or str(error), where=where, fix=f"{fix}, and run the same command again")
