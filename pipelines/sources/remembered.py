"""What was read of files, remembered from one plan to the next, so that planning again does not read them all.

A file is taken for the same as long as its path, size, times and inode are. What it gave is kept in a database in the
user's cache folder; nothing of a dataset depends on it, since pictures are digested again when they are loaded.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import __version__ as pillow

# Raised when what is read of a file changes.
VERSION = f"1-{pillow}"
# A file that was written so many nanoseconds ago may be written again without another time.
FRESH = 2 * 10**9
# What is kept in memory before it is written.
TOGETHER = 4096

logger = logging.getLogger("editmill.sources")


class Remembered:
    """The database; of several threads."""

    def __init__(self, database: sqlite3.Connection, *, trusted: bool) -> None:
        self._database, self._trusted = database, trusted
        self._lock = threading.Lock()
        self._new: list[tuple[str, str, str, str]] = []
        database.execute(
            "CREATE TABLE IF NOT EXISTS found (path TEXT, kind TEXT, state TEXT, value TEXT, PRIMARY KEY (path, kind))"
        )

    def get(self, path: Path, kind: str, read: Callable[[], Any]) -> Any:
        """Return what ``read`` returns, JSON values, or returned when the file was as it is.

        Args:
            path: The file.
            kind: What is read of it, with all else that it depends on.
            read: Reads the file; what it raises is not remembered.
        """
        try:
            state, fresh = _state(path)
        except (OSError, ValueError):
            return read()
        key = (os.path.abspath(path), f"{VERSION} {kind}")
        if self._trusted and not fresh and (known := self._find(key, state)) is not None:
            return json.loads(known)
        value = read()
        # Whoever wrote meanwhile has changed the state.
        if not fresh and _state(path)[0] == state:
            self._keep((*key, state, json.dumps(value)))
        return value

    def flush(self) -> None:
        """Write what is new."""
        # A plan needs none of it: another process may hold the database, or the disk may be full.
        with self._lock, suppress(sqlite3.Error), self._database:
            new, self._new = self._new, []
            self._database.executemany("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)", new)

    def _find(self, key: tuple[str, str], state: str) -> str | None:
        query = "SELECT value FROM found WHERE path = ? AND kind = ? AND state = ?"
        with self._lock, suppress(sqlite3.Error):
            return next((str(value) for (value,) in self._database.execute(query, (*key, state))), None)
        return None

    def _keep(self, row: tuple[str, str, str, str]) -> None:
        with self._lock:
            self._new.append(row)
            full = len(self._new) >= TOGETHER
        if full:
            self.flush()


_current: Remembered | None = None


def remembered(path: Path, kind: str, read: Callable[[], Any]) -> Any:
    """Return what ``read`` gives, within `remembering` possibly from an earlier time; see `Remembered.get`."""
    return read() if _current is None else _current.get(path, kind, read)


@contextmanager
def remembering(*, rehash: bool = False) -> Iterator[None]:
    """Remember what is read of files within the block.

    Args:
        rehash: Whether to read them all, whatever is remembered.
    """
    global _current
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(folder / "digests.sqlite", check_same_thread=False)
        known = Remembered(database, trusted=not rehash)
    # Homes may be read-only, full, or on file systems without locks.
    except (OSError, RuntimeError, sqlite3.Error) as error:
        logger.info("digests are not remembered: %s", error)
        yield
        return
    with closing(database):
        _current = known
        try:
            yield
        finally:
            _current = None
            known.flush()


def cache_folder() -> Path:
    """Return the folder of editmill's cache: ``EDITMILL_CACHE``, or ``editmill`` in the user's cache folder."""
    chosen = os.environ.get("EDITMILL_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "editmill"


def _state(path: Path) -> tuple[str, bool]:
    """Return what tells that a file is as it was, and whether that may fail because it was written just now."""
    found = os.stat(path)
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return f"{found.st_size} {times} {found.st_ino} {found.st_dev}", time.time_ns() - max(times) < FRESH
