"""Check that a shard is as its rows tell, at about the speed of one digest.

The tar's own sha256 is that of the manifest, and so is that of the rows. What is compared is what both say: names,
places and sizes of all members, labels and facts of samples. Digests of members, and the tar's md5, are computed where
that is asked for; otherwise they are as right as the writer that computed them from the same bytes.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.columncheck import check_columns
from editmill.manifests.factcheck import parse_alike
from editmill.manifests.jsontypes import parse_typed
from editmill.manifests.records import REASON, STATUSES, Manifest, ShardRecord
from editmill.manifests.rows import iter_row_batches, member_column, row_schema
from editmill.manifests.shardcheck import REPEATED, Found
from editmill.manifests.stats import count_facts, shard_identity
from editmill.manifests.store import Store
from editmill.manifests.tarshard import MAX_NAME_LENGTH, write_headers

# All that a tar holds begins at a multiple of it.
_UNIT = tarfile.BLOCKSIZE
# Units read at a time: long calls of the digest let the other threads run Python meanwhile.
_BLOCK = 4096
# Headers compared at a time, so that they stay in a core's cache.
_FEW = 1024
# As numbers, which are compared faster than as many bytes.
_WORD = np.uint64
# What is compared of rows; the rest of them need not be decoded.
_COLUMNS = ("split", "shard", "status", "reasons", "candidates.list.element.reasons", *REPEATED)

Places = npt.NDArray[np.int64]
Units = npt.NDArray[np.uint8]


def as_told(
    store: Store, manifest: Manifest, shard: ShardRecord, advance: Callable[[int], object], *, deep: bool = False
) -> Found | None:
    """Return what a shard holds, or None where something is wrong, or other than editmill's writer leaves it.

    Args:
        store: Where the dataset is.
        manifest: The dataset's.
        shard: As the manifest lists it; its rows are known to be those of the manifest.
        advance: Called with the number of bytes of the tar that were read since the last call.
        deep: Whether to compute digests of members and the md5 too, and to check every column of the rows.
    """
    try:
        rows = _rows(store, manifest, shard, deep)
        if not _rows_fit(rows, manifest, shard):
            return None
        accepted = rows.filter(pc.equal(rows["status"], "ok"))
        layout = _Layout.of(accepted, sorted(manifest.members))
        if not layout.fills(shard.bytes):
            return None
        digests = _Digests(layout) if deep else None
        with store.open(shard.path) as stream:
            read = _read(stream, layout, advance, digests)
        if (read.size, read.sha256) != (shard.bytes, shard.sha256) or not _members_fit(layout, read.units):
            return None
        if not _labels_fit(accepted, layout, read.units):
            return None
        if digests is not None and not digests.fit(accepted, sorted(manifest.members), shard.md5):
            return None
        types = _fact_types(accepted, layout, read.units) if accepted.num_rows else None
    except (ValueError, FileNotFoundError):
        return None
    first = pc.binary_join(pc.list_slice(rows["reasons"], 0, 1), "")
    counts = count_facts(zip(*(column.to_pylist() for column in (rows["edit"], rows["status"], first)), strict=True))
    identity = shard_identity(rows["inputs"].to_pylist(), manifest.members, manifest.score_names)
    return Found([], accepted.num_rows, rows["key"], counts, identity, shard.first_key, types)


def _rows(store: Store, manifest: Manifest, shard: ShardRecord, deep: bool) -> pa.Table:
    places = [f"{member_column(member)}_{what}" for member in manifest.members for what in ("offset", "size")]
    columns = None if deep else [*_COLUMNS, *places]
    schema = row_schema(manifest.members, manifest.score_names)
    # Arrow asks a file for every column, which takes longer than it takes to have it all.
    batches = list(iter_row_batches(pa.BufferReader(store.read(shard.rows.path)), schema=schema, columns=columns))
    rows = pa.Table.from_batches(batches) if batches else schema.empty_table()
    if deep:
        check_columns(rows, manifest.members)
    return rows


@dataclass(frozen=True)
class _Layout:
    """Where rows say that a tar's members lie, in their order.

    Attributes:
        names: Of the members, bytes [N].
        offsets, sizes: Of their content, int64 [N].
        labels, facts: Which of them are labels and facts.
    """

    names: npt.NDArray[np.bytes_]
    offsets: Places
    sizes: Places
    labels: slice
    facts: slice

    @classmethod
    def of(cls, accepted: pa.Table, members: Sequence[str]) -> _Layout:
        """Return the layout of accepted rows, whose members are sorted."""
        offsets, sizes = (
            np.array([accepted[f"{member_column(member)}_{what}"].to_numpy() for member in members]).T.reshape(-1)
            for what in ("offset", "size")
        )
        keys = np.array(accepted["key"].cast(pa.binary()).to_pylist(), np.bytes_)
        names = np.array([np.char.add(keys, f".{member}".encode()) for member in members]).T.reshape(-1)
        labels, facts = (slice(members.index(member), None, len(members)) for member in ("cls", "json"))
        return cls(names, offsets, sizes, labels, facts)

    @property
    def end(self) -> int:
        """The unit behind the last member."""
        return int(_units(self.offsets[-1:] + self.sizes[-1:]).sum())

    def fills(self, size: int) -> bool:
        """Tell whether the members follow each other without gaps, in a tar of ``size`` bytes, and names are short."""
        ends = np.concatenate(([0], _units(self.offsets + self.sizes) * _UNIT))
        whole = -(-(self.end + 2) * _UNIT // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
        possible = (self.sizes >= 0).all() and (self.sizes <= size).all()
        close = possible and (self.offsets == ends[:-1] + _UNIT).all()
        return bool(close) and size == whole and self.names.dtype.itemsize <= MAX_NAME_LENGTH

    @cached_property
    def heads(self) -> Places:
        """Where among the units that are kept the headers are, int64 [N]."""
        counts = self._kept_of_each
        return np.cumsum(counts) - counts

    @cached_property
    def kept(self) -> Places:
        """Units that are compared: headers, each with what it is of where that is a label or facts, and the end."""
        return np.append(_runs(self.offsets // _UNIT - 1, self._kept_of_each), self.end)

    @property
    def _kept_of_each(self) -> Places:
        counts = np.ones_like(self.sizes)
        for which in (self.labels, self.facts):
            counts[which] += _units(self.sizes[which])
        return counts


@dataclass(frozen=True)
class _Read:
    """What was read of a tar: its size and digest, and the units that its layout keeps, uint8 [N, 512].

    Those behind the end of the tar are whatever was in memory.
    """

    size: int
    sha256: str
    units: Units


class _Digests:
    """The md5 of a tar, and the sha256 of each member of a layout, of blocks as they are read."""

    def __init__(self, layout: _Layout) -> None:
        # For wids; systems in FIPS mode refuse md5 that is not declared harmless.
        self._md5, self._begun = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        self._left = deque(zip(layout.offsets.tolist(), (layout.offsets + layout.sizes).tolist(), strict=True))
        self._found: list[str] = []

    def update(self, block: memoryview, start: int) -> None:
        """Take the block that begins at ``start`` in the tar."""
        self._md5.update(block)
        left, behind = self._left, start + len(block)
        while left and left[0][1] <= behind:
            first, end = left.popleft()
            # Nearly all lie in one block.
            if first >= start:
                self._found.append(hashlib.sha256(block[first - start : end - start]).hexdigest())
            else:
                self._begun.update(block[: end - start])
                self._found.append(self._begun.hexdigest())
                self._begun = hashlib.sha256()
        if left and left[0][0] < behind:
            self._begun.update(block[max(0, left[0][0] - start) :])

    def fit(self, accepted: pa.Table, members: Sequence[str], md5: str) -> bool:
        """Tell whether the digests are those of the rows, and the md5 that of the manifest."""
        told = zip(*(accepted[f"{member_column(member)}_sha256"].to_pylist() for member in members), strict=True)
        return self._md5.hexdigest() == md5 and self._found == list(chain.from_iterable(told))


def _read(
    stream: BinaryIO, layout: _Layout, advance: Callable[[int], object], digests: _Digests | None = None
) -> _Read:
    """Read a tar once: digest it, and keep units."""
    sha256, size, kept = hashlib.sha256(), 0, layout.kept
    units, buffer = np.empty((len(kept), _UNIT), np.uint8), np.empty((_BLOCK, _UNIT), np.uint8)
    block = memoryview(buffer.data).cast("B")
    while count := _fill(stream, block):
        sha256.update(block[:count])
        if digests is not None:
            digests.update(block[:count], size)
        start = size // _UNIT
        first, end = kept.searchsorted((start, start + count // _UNIT))
        # All are in range; a call that checked it would copy twice.
        np.take(buffer, kept[first:end] - start, axis=0, out=units[first:end], mode="clip")
        size += count
        advance(count)
    return _Read(size, sha256.hexdigest(), units)


def _fill(stream: Any, block: memoryview) -> int:
    """Read until the block is full or the stream ends; return the number of bytes."""
    count = 0
    while got := stream.readinto(block[count:]):
        count += got
    return count


def _rows_fit(rows: pa.Table, manifest: Manifest, shard: ShardRecord) -> bool:
    """Tell whether rows say nothing that a row can't say, or that the manifest does not know."""
    candidates = pc.struct_field(pc.list_flatten(rows["candidates"]), "reasons")
    reasons = {one for lists in (rows["reasons"], candidates) for one in pc.unique(pc.list_flatten(lists)).to_pylist()}
    expected: dict[str, Sequence[object]] = {
        "split": [shard.split],
        "shard": [shard.number],
        "generator": [manifest.generator],
        "edit": manifest.edits,
        "status": STATUSES,
    }
    known = all(set(pc.unique(rows[name]).to_pylist()) <= set(values) for name, values in expected.items())
    known = known and (reasons <= set(manifest.reasons) if manifest.reasons else all(map(REASON.fullmatch, reasons)))
    accepted = pc.equal(rows["status"], "ok")
    alike = pc.equal(accepted, pc.equal(pc.list_value_length(rows["reasons"]), 0))
    for member in manifest.members:
        alike = pc.and_(alike, pc.equal(accepted, pc.greater_equal(rows[f"{member_column(member)}_offset"], 0)))
    for right in (pc.is_finite(rows["level"]), *(pc.greater_equal(rows[name], 0) for name in ("replica", "seed"))):
        alike = pc.and_(alike, right)
    keys = rows["key"].filter(accepted)
    ends = [keys[0].as_py(), keys[-1].as_py()] if len(keys) else ["", ""]
    return (
        known
        and pc.all(alike).as_py() is not False
        and len(pc.unique(rows["key"])) == rows.num_rows
        and [len(keys), *ends] == [shard.nsamples, shard.first_key, shard.last_key]
    )


def _members_fit(layout: _Layout, units: Units) -> bool:
    """Tell whether a tar's headers are those that the writer gives the members, and its end is one."""
    words = units.view(_WORD)
    slabs = (slice(start, start + _FEW) for start in range(0, len(layout.heads), _FEW))
    return not words[-1].any() and all(
        np.array_equal(words[layout.heads[slab]], write_headers(layout.names[slab], layout.sizes[slab]).view(_WORD))
        for slab in slabs
    )


def _labels_fit(accepted: pa.Table, layout: _Layout, units: Units) -> bool:
    """Tell whether labels are those of the rows, in digits."""
    told = accepted["label"].to_numpy().astype(np.bytes_)
    # Of one unit each.
    if not np.array_equal(layout.sizes[layout.labels], np.char.str_len(told)):
        return False
    found = units[layout.heads[layout.labels] + 1, : told.itemsize]
    return np.array_equal(found.view(told.dtype).reshape(-1), told)


def _fact_types(accepted: pa.Table, layout: _Layout, units: Units) -> dict[str, str]:
    """Return the types of the samples' facts.

    Raises:
        ValueError: They differ among samples, or a field is not that of its row.
    """
    sizes, counts = layout.sizes[layout.facts], _units(layout.sizes[layout.facts])
    data, starts = units[_runs(layout.heads[layout.facts] + 1, counts)].tobytes(), (np.cumsum(counts) - counts) * _UNIT
    texts = [data[start : start + size] for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)]
    first, types = parse_typed(texts[0])
    table = parse_alike(first, texts)
    if not all(table[name].equals(accepted[name]) for name in REPEATED if name in first):
        raise ValueError("the facts are not those of the rows")
    return types


def _runs(starts: Places, counts: Places) -> Places:
    """Return so many numbers from each start on."""
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def _units(sizes: Places) -> Places:
    return -(-sizes // _UNIT)
