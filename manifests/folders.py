"""Folders that appear under their final name whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from editmill.manifests.atomic import TEMPORARY_SUFFIX, place_of
from editmill.manifests.errors import OccupiedError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Fill a temporary folder beside ``target``; on a clean exit it becomes ``target``, on an exception it is deleted.

    Raises:
        OccupiedError: ``target`` exists and is not an empty folder.
        OSError: The disk fails or is full; it names ``target``.
    """
    _check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    temporary.mkdir()
    lock = _lock(temporary)
    try:
        yield temporary
        _sync()
        # Another process may have filled it while this one was writing.
        _check_free(target)
        if target.exists():
            target.rmdir()
        temporary.rename(target)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if named := place_of(error, target):
            raise named from error
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _check_free(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OccupiedError(
            "the target exists and is not an empty folder",
            where=str(target),
            fix="name another folder, or delete this one",
        )


def _lock(folder: Path) -> int | None:
    """Hold an advisory lock on a folder while this process lives.

    None where another process holds it or there are no locks.
    """
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(target: Path) -> None:
    """Delete temporary folders of ``target`` whose writers died."""
    for folder in target.parent.glob(f".{target.name}.*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):
            if folder.is_dir() and (lock := _lock(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _sync() -> None:
    # One flush of the disk instead of one per file, of which there are tens of thousands.
    if hasattr(os, "sync"):
        os.sync()
