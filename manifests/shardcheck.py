"""Check one shard: its tar, its rows and the content of its samples against each other and the manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.errors import CorruptDatasetError, DataError
from editmill.manifests.jsontypes import check_same_types, parse_typed
from editmill.manifests.records import Counts, Manifest, MemberSpan, SampleRow, ShardRecord
from editmill.manifests.rows import iter_row_batches, iter_rows, row_schema
from editmill.manifests.stats import count_rows, shard_identity
from editmill.manifests.store import Store
from editmill.manifests.tarshard import TarIndex, index_tar_stream

# Columns that a sample's json repeats, where its family has the field.
REPEATED = (
    "key",
    "source_id",
    "source_sha256",
    "label",
    "class_name",
    "wnid",
    "generator",
    "edit",
    "level",
    "replica",
    "seed",
    "inputs",
)


@dataclass
class Found:
    """What a shard holds and what is wrong with it.

    Attributes:
        problems: Path, key and what, as in `Problem`.
        samples: In the tar.
        keys: Of the rows, None where they can't be read.
        counts: Of the rows.
        identity: Of the rows; empty where they can't be read.
        first: Key of the first sample with a JSON member that can be read.
        types: That member's types.
    """

    problems: list[tuple[str, str, str]] = field(default_factory=list)
    samples: int = 0
    keys: pa.ChunkedArray | None = None
    counts: Counts = field(default_factory=dict)
    identity: str = ""
    first: str = ""
    types: dict[str, str] | None = None

    def add(self, path: str, key: str, what: str) -> None:
        """Note a problem."""
        self.problems.append((path, key, what))


class ShardCheck:
    """Checks the shards of one dataset, in any order, also at the same time.

    Args:
        store: Where the dataset is.
        manifest: The dataset's.
        advance: Called with the number of bytes of tars that were read since the last call.
    """

    def __init__(self, store: Store, manifest: Manifest, advance: Callable[[int], object]) -> None:
        self._store, self._manifest, self._advance = store, manifest, advance

    def run(self, shard: ShardRecord, *, readable: bool) -> Found:
        """Check a shard.

        Args:
            shard: As the manifest lists it.
            readable: Whether the bytes of its rows are those of the manifest; others are not decoded.
        """
        found = Found()
        rows = self._rows(shard, found) if readable else None
        try:
            with self._store.open(shard.path) as stream:
                index = index_tar_stream(stream, shard.path, self._advance)
        except FileNotFoundError:
            found.add(shard.path, "", "is absent")
        except CorruptDatasetError as error:
            found.add(shard.path, "", error.what)
        else:
            _check_tar(shard, index, found)
            if rows is not None:
                self._samples(shard, index, {row.key: row for row in rows if row.status == "ok"}, found)
        return found

    def _rows(self, shard: ShardRecord, found: Found) -> list[SampleRow] | None:
        path, manifest = shard.rows.path, self._manifest
        schema = row_schema(manifest.members, manifest.score_names)
        rows: list[SampleRow] = []
        try:
            with self._store.open(path) as stream:
                for batch in iter_row_batches(stream, schema=schema):
                    rows += iter_rows(batch, members=manifest.members, score_names=manifest.score_names, where=path)
        except CorruptDatasetError as error:
            found.add(path, "", error.what)
            return None
        for row in rows:
            for what in self._wrong(row, shard):
                found.add(path, row.key, what)
        found.keys, found.counts = pa.chunked_array([[row.key for row in rows]], pa.string()), count_rows(rows)
        found.identity = shard_identity((row.inputs for row in rows), manifest.members, manifest.score_names)
        return rows

    def _wrong(self, row: SampleRow, shard: ShardRecord) -> list[str]:
        """Return what the manifest does not know of a row."""
        manifest, wrong = self._manifest, []
        if (row.split, row.shard) != (shard.split, shard.number):
            wrong.append(f"belongs to {row.split} shard {row.shard}")
        if row.edit not in manifest.edits:
            wrong.append(f"has the edit {row.edit!r}, which the manifest does not list")
        if row.generator != manifest.generator:
            wrong.append(f"has the generator {row.generator!r}, the manifest {manifest.generator!r}")
        given = {*row.reasons, *(reason for candidate in row.candidates for reason in candidate.reasons)}
        if manifest.reasons and not given <= set(manifest.reasons):
            wrong.append(f"gives the reasons {sorted(given - set(manifest.reasons))}, which the manifest does not list")
        if row.status == "ok" and set(row.members) != set(manifest.members):
            wrong.append(f"has members {sorted(row.members)}, unlike the manifest")
        return wrong

    def _samples(self, shard: ShardRecord, index: TarIndex, rows: dict[str, SampleRow], found: Found) -> None:
        for key in sorted(rows.keys() ^ index.members.keys()):
            what = "is in the tar, but no accepted row" if key in index.members else "is not in the tar"
            found.add(shard.path, key, what)
        with self._store.open(shard.path) as stream:
            for key, spans in index.members.items():
                if key not in rows:
                    continue
                for member in sorted(spans.keys() | rows[key].members.keys()):
                    if spans.get(member) != rows[key].members.get(member):
                        found.add(shard.path, key, f"{member} is not at the offset, size and digest of its row")
                content = {name: _read(stream, spans.get(name)) for name in ("cls", "json")}
                for what in self._content(rows[key], content, found):
                    found.add(shard.path, key, what)

    def _content(self, row: SampleRow, content: dict[str, bytes], found: Found) -> list[str]:
        """Return what is wrong with a sample's label and facts."""
        wrong = []
        if content["cls"] != str(row.label).encode():
            wrong.append(f"cls is {content['cls'][:20]!r}, the row's label is {row.label}")
        try:
            facts, types = parse_typed(content["json"])
            if found.types is None:
                found.types, found.first = types, row.key
            check_same_types(found.types, types, where="")
        except DataError as error:
            return [*wrong, error.what]
        for name in REPEATED:
            if name in facts and facts[name] != getattr(row, name):
                wrong.append(f"json field {name!r} is {str(facts[name])[:40]!r}, the row says {getattr(row, name)!r}")
        return wrong


def _check_tar(shard: ShardRecord, index: TarIndex, found: Found) -> None:
    keys = list(index.members)
    held = {
        "bytes": index.bytes,
        "sha256": index.sha256,
        "md5": index.md5,
        "nsamples": len(keys),
        "first_key": keys[0] if keys else "",
        "last_key": keys[-1] if keys else "",
    }
    for name, value in held.items():
        if value != getattr(shard, name):
            found.add(shard.path, "", f"{name} is {value}, the manifest says {getattr(shard, name)}")
    found.samples = len(keys)


def _read(stream: Any, span: MemberSpan | None) -> bytes:
    if span is None:
        return b""
    stream.seek(span.offset)
    return bytes(stream.read(span.size))
