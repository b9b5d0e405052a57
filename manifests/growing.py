"""A tar that grows, and beside it a journal by which a build that was killed goes on within a shard.

After each group of samples the journal gets a line with their rows. What a line says is in the tar before the line is
written; whoever goes on checks it all the same, member by member.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import ValidationError

from editmill.manifests.atomic import place_of, publish
from editmill.manifests.records import MemberSpan, SampleRow
from editmill.manifests.tarshard import TarFile, TarWriter

PART_SUFFIX = ".editmill-part"
# Seconds after which the disk itself, and not the system alone, has to hold what was written.
SYNC_EVERY = 5.0

Built = tuple[SampleRow, Mapping[str, bytes]]
Check = Callable[[SampleRow, Mapping[str, bytes]], None]


class Brief(NamedTuple):
    """What stays in memory of a row, which may be large; ``reason`` is the first, "" of an accepted sample."""

    edit: str
    status: str
    reason: str
    inputs: str

    @classmethod
    def of(cls, row: SampleRow) -> Brief:
        """Return what is kept of a row."""
        return cls(row.edit, row.status, row.reasons[0] if row.reasons else "", row.inputs)


class GrowingTar:
    """The samples and rows of a shard, group by group; see `growing_tar`.

    Attributes:
        done: Of all groups so far, those that an earlier writer left included.
        state: What was handed in with the last group.
        closed: Whether the tar has its end.
    """

    def __init__(self, writer: TarWriter, tar: BinaryIO, journal: BinaryIO, check: Check) -> None:
        self.done: list[Brief] = []
        self.state: dict[str, Any] = {}
        self.closed = False
        self._writer, self._tar, self._journal, self._check = writer, tar, journal, check
        self._synced, self._sync = time.monotonic(), Future[None]()
        self._sync.set_result(None)
        # A thread, since a slow disk takes seconds, in which the next group is made.
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> GrowingTar:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()

    def add(self, group: Sequence[Built], state: Mapping[str, Any]) -> None:
        """Append a group of samples: a row each, and members where it is accepted.

        Args:
            group: The samples.
            state: JSON values that whoever goes on after this group has to know.

        Raises:
            DataError: See `TarWriter.add`, and what the check raises.
        """
        rows = self._append(group, state)
        self._writer.flush()
        self._journal.write(_line({"rows": [row.model_dump() for row in rows], "state": dict(state)}))
        self._journal.flush()
        if time.monotonic() - self._synced >= SYNC_EVERY:
            # One at a time; what the last one raised is raised here, or when the tar is closed.
            self._sync.result()
            self._sync, self._synced = self._pool.submit(self._sync_both), time.monotonic()

    def go_on(self, header: Mapping[str, Any] | None) -> None:
        """Take over the groups that an earlier writer with the same header has left, as far as they are whole."""
        first, whole = _line(header or {}), 0
        if self._journal.readline() == first and header is not None:
            whole = len(first)
            for line in self._journal:
                if not self._take(_entry(line)):
                    break
                whole += len(line)
        self._journal.seek(whole)
        self._journal.truncate()
        if not whole:
            self._journal.write(first)
        self._writer.flush()
        self._tar.truncate()

    def rows(self) -> Iterator[SampleRow]:
        """Yield the rows of all groups, as the journal has them."""
        self._journal.seek(0)
        for line in islice(self._journal, 1, None):
            yield from map(SampleRow.model_validate, _entry(line)["rows"])

    @property
    def keys(self) -> list[str]:
        """Keys of the accepted samples so far, in order."""
        return list(self._writer.keys)

    def read(self, start: int, end: int) -> bytes:
        """Return the tar's bytes, as far as groups were added, from ``start`` up to ``end``."""
        return os.pread(self._tar.fileno(), end - start, start)

    def close(self) -> TarFile:
        """Write the end of the tar; see `TarWriter.close`."""
        self._sync.result()
        self.closed = True
        return self._writer.close()

    def _sync_both(self) -> None:
        os.fsync(self._tar.fileno())
        os.fsync(self._journal.fileno())

    def _take(self, entry: dict[str, Any]) -> bool:
        """Append a group that is in the file already: its bytes are written again where they are."""
        try:
            rows = [SampleRow.model_validate(row) for row in entry["rows"]]
            group = [(row, {suffix: self._read(span) for suffix, span in row.members.items()}) for row in rows]
        except (KeyError, ValidationError, EOFError):
            return False
        self._append(group, entry["state"])
        return True

    def _append(self, group: Sequence[Built], state: Mapping[str, Any]) -> list[SampleRow]:
        rows = []
        for row, members in group:
            self._check(row, members)
            spans = self._writer.add(row.key, members) if members else {}
            rows.append(row.model_copy(update={"members": spans}))
        self.done += map(Brief.of, rows)
        self.state = dict(state)
        return rows

    def _read(self, span: MemberSpan) -> bytes:
        data = self.read(span.offset, span.offset + span.size)
        if hashlib.sha256(data).hexdigest() != span.sha256:
            raise EOFError
        return data


@contextmanager
def growing_tar(path: Path, header: Mapping[str, Any] | None, check: Check) -> Iterator[GrowingTar]:
    """Open a tar to append to; once closed, it appears under its name when the block ends without an exception.

    One that is not closed has only kept its samples for the block, and is deleted then. What is written stays after an
    exception or a kill, and whoever opens the same tar with the same header goes on after the last whole group. One
    process at a time may have it open.

    Args:
        path: The final name. Its folder must exist.
        header: What identifies the content: JSON values. None to begin anew.
        check: Called with every row and its members before they are appended.

    Raises:
        OSError: The disk fails or is full; it names ``path``.
    """
    with ExitStack() as stack:
        part, journal_path = (path.with_name(f".{path.name}{kind}{PART_SUFFIX}") for kind in ("", ".journal"))
        tar, journal = (stack.enter_context(_open(file)) for file in (part, journal_path))
        writer = stack.enter_context(TarWriter(tar, str(path)))
        growing = stack.enter_context(GrowingTar(writer, tar, journal, check))
        try:
            growing.go_on(header)
            yield growing
            if growing.closed:
                publish(tar, part, path)
            else:
                part.unlink()
        except OSError as error:
            if named := place_of(error, path):
                raise named from error
            raise
        journal_path.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Delete what unfinished writers have left in a folder in which none writes any more."""
    for part in folder.glob(f".*.tar*{PART_SUFFIX}"):
        part.unlink(missing_ok=True)


def _open(path: Path) -> BinaryIO:
    # Neither mode of open keeps what is there, makes what is not, and writes anywhere.
    return open(path, "r+b", opener=lambda name, flags: os.open(name, flags | os.O_CREAT, 0o666))


def _line(document: Mapping[str, Any]) -> bytes:
    """Encode a line of the journal: a digest, and JSON, in which rows may hold infinite scores."""
    text = json.dumps(document).encode()
    return hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n"


def _entry(line: bytes) -> dict[str, Any]:
    """Decode a line; one that was cut or damaged is an empty entry."""
    told, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or hashlib.sha256(text).hexdigest().encode() != told:
        return {}
    entry: dict[str, Any] = json.loads(text)
    return entry
