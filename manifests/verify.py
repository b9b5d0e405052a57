"""Check a dataset: every file, member, row and count against the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.canonical import stream_digest
from editmill.manifests.errors import CorruptDatasetError, DataError, EditmillError
from editmill.manifests.indexes import index_files
from editmill.manifests.jsontypes import check_same_types, json_types
from editmill.manifests.manifest import MANIFEST, SAMPLES, load_manifest, parse_manifest
from editmill.manifests.records import Counts, Manifest, MemberSpan, SampleRow, ShardRecord
from editmill.manifests.rows import iter_row_batches, iter_rows, row_schema
from editmill.manifests.stats import count_rows, merge_counts, parse_stats, shard_stem
from editmill.manifests.store import Store
from editmill.manifests.tarshard import TarIndex, index_tar_stream


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in which file (relative to the root), at which key (or ``""``), and what."""

    path: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.key}: {self.what}" if self.key else f"{self.path}: {self.what}"


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found, over how many shards and accepted samples."""

    root: str
    problems: tuple[Problem, ...]
    shards: int
    samples: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def raise_for_problems(self) -> None:
        """Raise a `CorruptDatasetError` naming the first problem, if there is one."""
        if self.problems:
            more = f" (and {len(self.problems) - 1} more problems)" if len(self.problems) > 1 else ""
            raise CorruptDatasetError(f"{self.problems[0]}{more}", where=self.root)


def verify_dataset(root: str | Path) -> VerifyReport:
    """Verify a dataset in a local folder or at an fsspec URL, reading every byte of it once.

    Problems are reported, not raised; an absent or damaged manifest is one.

    Raises:
        RequestError: There is nothing at ``root``.
    """
    return verify_store(Store(root))


def verify_store(store: Store) -> VerifyReport:
    """Verify the dataset in a store; see `verify_dataset`."""
    try:
        manifest = parse_manifest(load_manifest(store), where=f"{store.root}/{MANIFEST}")
    except DataError as error:
        return VerifyReport(store.root, (Problem(MANIFEST, "", error.what),), shards=0, samples=0)
    check = _Check(store, manifest)
    check.run()
    return VerifyReport(store.root, tuple(check.problems), shards=len(manifest.shards), samples=check.samples)


class _Check:
    """One verification in progress: collects problems, and what must be compared across shards."""

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.problems: list[Problem] = []
        self.samples = 0
        self._store = store
        self._manifest = manifest
        self._schema = row_schema(manifest.members, manifest.score_names)
        self._types: dict[str, str] | None = None
        self._unreadable_rows = False

    def run(self) -> None:
        counts = [self._shard(shard) for shard in self._manifest.shards]
        if merge_counts(counts) != self._manifest.counts:
            self._add(MANIFEST, "", f"counts {self._manifest.counts}, the rows give {merge_counts(counts)}")
        # What is wrong with the rows of a shard would be blamed on the merged file.
        if not self._unreadable_rows:
            self._merged()
        for path, content in index_files(self._manifest).items():
            if not self._store.exists(path):
                self._add(path, "", "is absent")
            elif self._store.read(path) != content:
                self._add(path, "", "does not match the manifest")

    def _add(self, path: str, key: str, what: str) -> None:
        self.problems.append(Problem(path, key, what))

    def _shard(self, shard: ShardRecord) -> Counts:
        rows = self._rows(shard)
        self._stats(shard, rows)
        try:
            with self._store.open(shard.path) as stream:
                index = index_tar_stream(stream, shard.path)
        except FileNotFoundError:
            self._add(shard.path, "", "is absent")
        except CorruptDatasetError as error:
            self._add(shard.path, "", error.what)
        else:
            self._tar(shard, index)
            self._members(shard, index, {row.key: row for row in rows if row.status == "ok"})
        return count_rows(rows)

    def _tar(self, shard: ShardRecord, index: TarIndex) -> None:
        keys = list(index.members)
        found = {
            "bytes": index.bytes,
            "sha256": index.sha256,
            "md5": index.md5,
            "nsamples": len(keys),
            "first_key": keys[0] if keys else "",
            "last_key": keys[-1] if keys else "",
        }
        for name, value in found.items():
            if value != getattr(shard, name):
                self._add(shard.path, "", f"{name} is {value}, the manifest says {getattr(shard, name)}")
        self.samples += len(keys)

    def _rows(self, shard: ShardRecord) -> list[SampleRow]:
        path, names = shard.rows.path, self._manifest.score_names
        try:
            with self._store.open(path) as stream:
                size, sha256 = stream_digest(stream)
                stream.seek(0)
                table = pa.Table.from_batches(iter_row_batches(stream, schema=self._schema), self._schema)
                rows = list(iter_rows(table, members=self._manifest.members, score_names=names))
        except (FileNotFoundError, EditmillError, ValueError) as error:
            self._unreadable_rows = True
            self._add(path, "", _describe(error))
            return []
        if (size, sha256) != (shard.rows.bytes, shard.rows.sha256):
            self._add(path, "", f"has {size} bytes and sha256 {sha256}, not those of the manifest")
        for row in rows:
            if (row.split, row.shard) != (shard.split, shard.number):
                self._add(path, row.key, f"belongs to {row.split} shard {row.shard}")
        return rows

    def _stats(self, shard: ShardRecord, rows: list[SampleRow]) -> None:
        path = f"{shard.split}/{shard_stem(self._manifest.name, shard.number)}_stats.json"
        if not self._store.exists(path):
            self._add(path, "", "is absent")
            return
        try:
            stats = parse_stats(self._store.read(path), where=path)
        except CorruptDatasetError as error:
            self._add(path, "", error.what)
            return
        if stats.record() != shard or stats.planned != len(rows) or stats.fingerprint != self._manifest.fingerprint:
            self._add(path, "", "does not match the manifest and the rows")

    def _members(self, shard: ShardRecord, index: TarIndex, rows: dict[str, SampleRow]) -> None:
        for key in sorted(rows.keys() ^ index.members.keys()):
            self._add(
                shard.path, key, "is in the tar, but no accepted row" if key in index.members else "is not in the tar"
            )
        with self._store.open(shard.path) as stream:
            for key, spans in index.members.items():
                if key not in rows:
                    continue
                for member in sorted(spans.keys() | rows[key].members.keys()):
                    if spans.get(member) != rows[key].members.get(member):
                        self._add(shard.path, key, f"{member} is not at the offset, size and digest of its row")
                self._content(shard, rows[key], {name: _read(stream, spans.get(name)) for name in ("cls", "json")})

    def _content(self, shard: ShardRecord, row: SampleRow, content: dict[str, bytes]) -> None:
        if content["cls"] != str(row.label).encode():
            self._add(shard.path, row.key, f"cls is {content['cls'][:20]!r}, the row's label is {row.label}")
        try:
            types = json_types(content["json"])
            self._types = types if self._types is None else self._types
            check_same_types(self._types, types, where="")
        except DataError as error:
            self._add(shard.path, row.key, error.what)

    def _merged(self) -> None:
        keys: Counter[str] = Counter()
        try:
            with self._store.open(SAMPLES) as stream:
                merged = iter_row_batches(stream, schema=self._schema)
                for ours, theirs in zip_longest(merged, self._shard_batches()):
                    if ours is None or theirs is None or not _same(ours, theirs):
                        self._add(SAMPLES, "", "is not the shards' rows one after another")
                        break
                    keys.update(ours["key"].to_pylist())
        except FileNotFoundError:
            self._add(SAMPLES, "", "is absent")
        except CorruptDatasetError as error:
            self._add(SAMPLES, "", error.what)
        for key in [key for key, number in keys.items() if number > 1]:
            self._add(SAMPLES, key, f"repeats {keys[key]} times")

    def _shard_batches(self) -> Iterator[pa.RecordBatch]:
        for shard in self._manifest.shards:
            with self._store.open(shard.rows.path) as stream:
                yield from iter_row_batches(stream, schema=self._schema)


def _describe(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is absent"
    return error.what if isinstance(error, EditmillError) else f"holds a bad row: {error}"


def _read(stream: Any, span: MemberSpan | None) -> bytes:
    if span is None:
        return b""
    stream.seek(span.offset)
    return bytes(stream.read(span.size))


def _same(one: pa.RecordBatch, other: pa.RecordBatch) -> bool:
    return bool(_without_nan(one).equals(_without_nan(other)))


def _without_nan(batch: pa.RecordBatch) -> pa.Table:
    table = pa.Table.from_batches([batch])
    for position, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table[field.name]
            # Arrow takes NaN as different from NaN.
            filled = pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
            table = table.set_column(position, field.name, filled)
    return table
