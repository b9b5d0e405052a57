"""A plan on disk: neither the records of its sources nor its samples have to fit in memory."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, overload

from editmill.generators.base.samples import PlannedSample
from editmill.manifests.atomic import open_temporary, remove_stale_temporaries
from editmill.manifests.records import SourceRecord

PROTOCOL = 5
# What is not whole after a crash is planned again.
FAST = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"


class StoredRecords(Sequence[SourceRecord]):
    """A source's records, read once and kept in a temporary database; of one thread."""

    def __init__(self, records: Iterable[SourceRecord]) -> None:
        # Without a name it is deleted by itself, however the process ends.
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, id TEXT, sha256 TEXT, record BLOB)")
        rows = ((record.id, record.sha256, pickle.dumps(record, PROTOCOL)) for record in records)
        insert = "INSERT INTO records (id, sha256, record) VALUES (?, ?, ?)"
        self._count = self._database.executemany(insert, rows).rowcount

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SourceRecord]:
        for (data,) in self._database.execute("SELECT record FROM records ORDER BY number"):
            yield pickle.loads(data)

    @overload
    def __getitem__(self, index: int) -> SourceRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[SourceRecord]: ...
    def __getitem__(self, index: int | slice) -> SourceRecord | list[SourceRecord]:
        place = range(self._count)[index]
        if isinstance(place, range):
            return [self[one] for one in place]
        # The database counts from 1.
        found = self._database.execute("SELECT record FROM records WHERE number = ?", (place + 1,)).fetchone()
        record: SourceRecord = pickle.loads(found[0])
        return record

    def stored(self) -> Iterator[tuple[int, bytes]]:
        """Yield every record's place, and the record as it is stored."""
        yield from self._database.execute("SELECT number - 1, record FROM records ORDER BY number")

    def identities(self) -> Iterator[tuple[str, str]]:
        """Yield every record's id and sha256, sorted."""
        yield from self._database.execute("SELECT id, sha256 FROM records ORDER BY id, sha256")


class PlanFile:
    """The file of a plan's samples; it is deleted with the last object of this process that reads it.

    Args:
        path: Where it is.
        lock: What shows other processes that it is in use; None for a file of another process, which deletes it.
    """

    def __init__(self, path: Path, lock: BinaryIO | None = None) -> None:
        self.path = path
        self._remove = None if lock is None else weakref.finalize(self, _remove, path, lock)

    def __reduce__(self) -> tuple[Any, ...]:
        # Tasks carry it to other processes and machines.
        return PlanFile, (self.path,)

    @classmethod
    def write(cls, samples: Iterable[list[PlannedSample]], records: StoredRecords) -> PlanFile:
        """Write a new file of samples, those of a source together, and of the records that may be their spares;
        ``assign`` gives each list of samples its shard.
        """
        folder = Path(tempfile.gettempdir())
        # Of processes that were killed.
        remove_stale_temporaries(folder, ".plan")
        file = cls._new(folder)
        with closing(sqlite3.connect(file.path)) as database:
            database.executescript(FAST)
            database.execute("CREATE TABLE samples (samples BLOB)")
            database.executemany(
                "INSERT INTO samples VALUES (?)", ((pickle.dumps(mine, PROTOCOL),) for mine in samples)
            )
            database.execute("CREATE TABLE records (place INTEGER PRIMARY KEY, record BLOB)")
            database.executemany("INSERT INTO records VALUES (?, ?)", records.stored())
            database.commit()
        return file

    def assign(self, shards: Iterable[int]) -> None:
        """Give each list of samples, in the order in which they were written, the number of its shard."""
        with closing(sqlite3.connect(self.path)) as database:
            database.executescript(FAST)
            database.execute("DROP TABLE IF EXISTS shards")
            database.execute(
                "CREATE TABLE shards (shard INTEGER, place INTEGER, PRIMARY KEY (shard, place)) WITHOUT ROWID"
            )
            # The database counts from 1.
            rows = ((shard, place) for place, shard in enumerate(shards, start=1))
            database.executemany("INSERT INTO shards VALUES (?, ?)", rows)
            database.commit()

    def copy(self, folder: Path) -> PlanFile:
        """Return a copy in a folder that all machines see which build."""
        made = self._new(folder)
        shutil.copyfile(self.path, made.path)
        return made

    @classmethod
    def _new(cls, folder: Path) -> PlanFile:
        return cls(*open_temporary(folder / "plan"))

    def delete(self) -> None:
        """Delete the file now, if it is this process's."""
        if self._remove is not None:
            self._remove()

    def samples(self, shard: int | None = None, *, spares: Container[int] | None = None) -> Iterator[PlannedSample]:
        """Yield the samples of a shard, or all, in the order of the plan.

        Args:
            shard: Its number; None for all.
            spares: Places in that order at which samples have to have their spares; None for everywhere.
        """
        what, given = ("", ()) if shard is None else (" JOIN shards ON place = samples.rowid WHERE shard = ?", (shard,))
        # Nobody writes any more; locks, which some network file systems lack, are not needed.
        uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as database:
            place = 0
            for (stored,) in database.execute(f"SELECT samples FROM samples{what} ORDER BY samples.rowid", given):
                for sample in pickle.loads(stored):
                    wanted = sample.spare_places and (spares is None or place in spares)
                    yield replace(sample, spares=_records(database, sample.spare_places)) if wanted else sample
                    place += 1


@dataclass(frozen=True)
class PlannedShard:
    """The samples of one shard, read from the plan's file whenever they are looked at; small to send."""

    file: PlanFile
    number: int
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[PlannedSample]:
        return self.file.samples(self.number)

    def without_spares(self, but: Container[int] = ()) -> Iterator[PlannedSample]:
        """Yield the samples without their spares, which take longest to read, but for those at some places."""
        return self.file.samples(self.number, spares=but)


def _records(database: sqlite3.Connection, places: Iterable[int]) -> tuple[SourceRecord, ...]:
    found = (database.execute("SELECT record FROM records WHERE place = ?", (place,)).fetchone() for place in places)
    return tuple(pickle.loads(record) for (record,) in found)


def _remove(path: Path, lock: BinaryIO) -> None:
    path.unlink(missing_ok=True)
    lock.close()


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise what is wrong with the disk as the system's errors are.

    Raises:
        OSError: The folder for temporary files is full, or can't be used.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        number = errno.ENOSPC if "full" in str(error) else errno.EIO
        raise OSError(number, f"{os.strerror(number)} ({error})", tempfile.gettempdir()) from error
