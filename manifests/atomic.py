"""Files that appear under their final name complete, or not at all.

A writer holds an advisory lock on its temporary file. A temporary file nobody holds a lock on was left by a process
that died, so it can go while other processes of this machine write into the same folder. Other machines need not see
such locks; `locks` has some that they see.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # readers also run where there is no fcntl
    fcntl = None  # type: ignore[assignment]

TEMPORARY_SUFFIX = ".editmill-tmp"
# What writing raises when the disk, a quota or the process's own limit is reached, or the disk fails.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

logger = logging.getLogger("editmill.manifests")


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; on a clean exit it replaces ``path``, on an exception it is deleted.

    Raises:
        OSError: The disk fails or is full; it names ``path``.
    """
    final = Path(path)
    temporary, stream = open_temporary(final)
    try:
        with stream:
            yield stream
            # Within the block, so under the lock: a cleaner must not take the file between closing and renaming.
            publish(stream, temporary, final)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if named := place_of(error, final):
            raise named from error
        raise


def publish(stream: BinaryIO, temporary: Path, final: Path) -> None:
    """Give a whole file its final name."""
    stream.flush()
    # The bytes before the name: after a power cut the final name must not stand for an empty file.
    os.fsync(stream.fileno())
    os.replace(temporary, final)
    # A new name outlives a power cut only when its folder was flushed too.
    _sync_folder(final.parent)


def place_of(error: BaseException, path: Path) -> OSError | None:
    """Return the error of a disk that is full or fails with the path in it, which the system's own does not name.

    None for all others.
    """
    # Not of a subclass: those are of other files that are read meanwhile.
    if type(error) is OSError and error.errno in _DISK and error.filename is None:
        return OSError(error.errno, error.strerror, str(path))
    return None


def atomic_write(path: str | Path, data: bytes) -> None:
    """Write a whole file so that a crash leaves either the old content or the new one."""
    with atomic_file(path) as stream:
        stream.write(data)


def remove_stale_temporaries(folder: str | Path, pattern: str = "**/") -> list[Path]:
    """Delete the temporary files that dead writers left in a folder and below it; return what was deleted.

    Args:
        folder: Where to look.
        pattern: How the files' paths begin, as ``glob`` takes it.
    """
    found = sorted(Path(folder).glob(f"{pattern}.*{TEMPORARY_SUFFIX}"))
    removed = [path for path in found if _remove_unlocked(path)]
    for path in removed:
        logger.info("removed stale temporary file %s", path)
    return removed


def open_temporary(final: Path) -> tuple[Path, BinaryIO]:
    """Make a temporary file beside ``final`` under a lock, which lasts until the stream is closed."""
    while True:
        temporary = final.with_name(f".{final.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
        # Not mkstemp, whose files ignore the umask; readable, since tars are indexed through the same stream.
        stream = open(temporary, "x+b")  # noqa: SIM115 - handed to the caller
        if fcntl is None:
            return temporary, stream
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(stream, fcntl.LOCK_EX)
        # A cleaner may have removed the file between creation and lock.
        if os.fstat(stream.fileno()).st_nlink:
            return temporary, stream
        stream.close()


def _remove_unlocked(path: Path) -> bool:
    try:
        with open(path, "rb") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Under the lock: a writer that waits for it sees the file gone and takes another name.
            path.unlink()
    except OSError:  # locked by a living writer, gone meanwhile, or no way to tell
        return False
    return True


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
