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
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.factcheck import parse_alike
from editmill.manifests.jsontypes import parse_typed
from editmill.manifests.records import Manifest, ShardRecord
from editmill.manifests.rows import iter_row_batches, iter_rows, member_column, row_schema
from editmill.manifests.shardcheck import REPEATED, Found
from editmill.manifests.stats import count_facts, shard_identity
from editmill.manifests.store import Store
from editmill.manifests.tarshard import MAX_NAME_LENGTH, same_headers

# All that a tar holds begins at a multiple of it.
_UNIT = tarfile.BLOCKSIZE
# Long calls of the digest let the other threads run Python meanwhile.
_BLOCK = 4096 * _UNIT
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
        if (read.size, read.sha256, read.alike) != (shard.bytes, shard.sha256, True):
            return None
        if not _labels_fit(accepted, layout, read.labels):
            return None
        if digests is not None and not digests.fit(accepted, sorted(manifest.members), shard.md5):
            return None
        types = _fact_types(accepted, layout, read.facts) if accepted.num_rows else None
    except (ValueError, FileNotFoundError):
        return None
    first = pc.binary_join(pc.list_slice(rows["reasons"], 0, 1), "")
    counts = count_facts(zip(*(column.to_pylist() for column in (rows["edit"], rows["status"], first)), strict=True))
    identity = shard_identity(rows["inputs"].to_pylist(), manifest.members, manifest.score_names)
    return Found([], accepted.num_rows, rows.num_rows, counts, identity, shard.first_key, types)


def _rows(store: Store, manifest: Manifest, shard: ShardRecord, deep: bool) -> pa.Table:
    places = [f"{member_column(member)}_{what}" for member in manifest.members for what in ("offset", "size")]
    columns = None if deep else [*_COLUMNS, *places]
    schema = row_schema(manifest.members, manifest.score_names)
    with store.open(shard.rows.path) as stream:
        batches = list(iter_row_batches(stream, schema=schema, columns=columns))
    rows = pa.Table.from_batches(batches) if batches else schema.empty_table()
    if deep:
        # Whatever is wrong with one is raised.
        deque(iter_rows(rows, members=manifest.members, score_names=manifest.score_names), maxlen=0)
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
    def heads(self) -> Places:
        """Units that hold the headers."""
        return self.offsets // _UNIT - 1

    @property
    def end(self) -> int:
        """The unit behind the last member."""
        return int(_units(self.offsets[-1:] + self.sizes[-1:]).sum())

    def fills(self, size: int) -> bool:
        """Tell whether the members follow each other without gaps, in a tar of ``size`` bytes, and names are short."""
        ends = np.concatenate(([0], _units(self.offsets + self.sizes) * _UNIT))
        whole = -(-(self.end + 2) * _UNIT // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
        close = (self.sizes >= 0).all() and (self.offsets == ends[:-1] + _UNIT).all()
        return bool(close) and size == whole and self.names.dtype.itemsize <= MAX_NAME_LENGTH

    def content(self, which: slice) -> Places:
        """Return all units that hold the content of some members."""
        counts = _units(self.sizes[which])
        before = np.cumsum(counts) - counts
        return np.repeat(self.offsets[which] // _UNIT - before, counts) + np.arange(counts.sum())


@dataclass(frozen=True)
class _Read:
    """What was read of a tar.

    Attributes:
        size, sha256: Of the file.
        alike: Whether its headers are those of the layout, and its end is one.
        labels, facts: Units that hold the labels and the facts, uint8 [N, 512].
    """

    size: int
    sha256: str
    alike: bool
    labels: Units
    facts: Units


class _Digests:
    """The md5 of a tar, and the sha256 of each member of a layout, of blocks as they are read."""

    def __init__(self, layout: _Layout) -> None:
        # For wids; systems in FIPS mode refuse md5 that is not declared harmless.
        self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        self._left = deque(zip(layout.offsets.tolist(), (layout.offsets + layout.sizes).tolist(), strict=True))
        self._found: list[str] = []

    def update(self, block: memoryview, start: int) -> None:
        """Take the block that begins at ``start`` in the tar."""
        self._md5.update(block)
        behind = start + len(block)
        while self._left and self._left[0][0] < behind:
            first, end = self._left[0]
            self._sha256.update(block[max(0, first - start) : end - start])
            if end > behind:
                break
            self._found.append(self._sha256.hexdigest())
            self._sha256 = hashlib.sha256()
            self._left.popleft()

    def fit(self, accepted: pa.Table, members: Sequence[str], md5: str) -> bool:
        """Tell whether the digests are those of the rows, and the md5 that of the manifest."""
        told = zip(*(accepted[f"{member_column(member)}_sha256"].to_pylist() for member in members), strict=True)
        return self._md5.hexdigest() == md5 and self._found == list(chain.from_iterable(told))


def _read(
    stream: BinaryIO, layout: _Layout, advance: Callable[[int], object], digests: _Digests | None = None
) -> _Read:
    """Read a tar once: digest it, compare its headers, and keep labels and facts."""
    sha256, size, alike, heads = hashlib.sha256(), 0, True, layout.heads
    wanted = (layout.content(layout.labels), layout.content(layout.facts), np.array([layout.end]))
    kept = [np.zeros((len(places), _UNIT), np.uint8) for places in wanted]
    buffer = np.empty((_BLOCK // _UNIT, _UNIT), np.uint8)
    block = memoryview(buffer.data).cast("B")
    while count := _fill(stream, block):
        sha256.update(block[:count])
        if digests is not None:
            digests.update(block[:count], size)
        start, units = size // _UNIT, buffer[: count // _UNIT]
        here = _among(heads, start, len(units))
        alike = alike and same_headers(units[heads[here] - start], layout.names[here], layout.sizes[here])
        for places, into in zip(wanted, kept, strict=True):
            here = _among(places, start, len(units))
            into[here] = units[places[here] - start]
        size += count
        advance(count)
    return _Read(size, sha256.hexdigest(), alike and not kept[2].any(), kept[0], kept[1])


def _among(places: Places, start: int, count: int) -> slice:
    """Return which of sorted places are among the ``count`` from ``start`` on."""
    return slice(places.searchsorted(start), places.searchsorted(start + count))


def _fill(stream: Any, block: memoryview) -> int:
    """Read until the block is full or the stream ends; return the number of bytes."""
    count = 0
    while got := stream.readinto(block[count:]):
        count += got
    return count


def _rows_fit(rows: pa.Table, manifest: Manifest, shard: ShardRecord) -> bool:
    """Tell whether rows say nothing that the manifest does not know."""
    expected: dict[str, Sequence[object]] = {
        "split": [shard.split],
        "shard": [shard.number],
        "generator": [manifest.generator],
        "edit": manifest.edits,
    }
    if not all(set(pc.unique(rows[name]).to_pylist()) <= set(values) for name, values in expected.items()):
        return False
    candidates = pc.struct_field(pc.list_flatten(rows["candidates"]), "reasons")
    given = {
        *pc.unique(pc.list_flatten(rows["reasons"])).to_pylist(),
        *pc.unique(pc.list_flatten(candidates)).to_pylist(),
    }
    accepted = pc.equal(rows["status"], "ok")
    alike = pc.equal(accepted, pc.equal(pc.list_value_length(rows["reasons"]), 0))
    for member in manifest.members:
        alike = pc.and_(alike, pc.equal(accepted, pc.greater_equal(rows[f"{member_column(member)}_offset"], 0)))
    keys = rows.filter(accepted)["key"]
    ends = [keys[0].as_py(), keys[-1].as_py()] if len(keys) else ["", ""]
    return (
        (not manifest.reasons or given <= set(manifest.reasons))
        and pc.all(alike).as_py() is not False
        and len(keys) == len(pc.unique(rows["key"])) - (rows.num_rows - len(keys))
        and [len(keys), *ends] == [shard.nsamples, shard.first_key, shard.last_key]
    )


def _labels_fit(accepted: pa.Table, layout: _Layout, units: Units) -> bool:
    """Tell whether labels are those of the rows, in digits."""
    told = accepted["label"].to_numpy().astype(np.bytes_)
    sizes = np.char.str_len(told)
    # Of one unit each.
    if not np.array_equal(layout.sizes[layout.labels], sizes):
        return False
    return np.array_equal(units[:, : told.dtype.itemsize].copy().view(told.dtype).reshape(-1), told)


def _fact_types(accepted: pa.Table, layout: _Layout, units: Units) -> dict[str, str]:
    """Return the types of the samples' facts.

    Raises:
        ValueError: They differ among samples, or a field is not that of its row.
    """
    sizes = layout.sizes[layout.facts]
    starts = (np.cumsum(_units(sizes)) - _units(sizes)) * _UNIT
    data = units.tobytes()
    texts = [data[start : start + size] for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)]
    first, types = parse_typed(texts[0])
    table = parse_alike(first, texts)
    if not all(table[name].equals(accepted[name]) for name in REPEATED if name in first):
        raise ValueError("the facts are not those of the rows")
    return types


def _units(sizes: Places) -> Places:
    return -(-sizes // _UNIT)
