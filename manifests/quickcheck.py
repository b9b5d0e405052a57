"""Check that a shard is as its rows tell, at about the speed of one digest.

The tar's own sha256 is that of the manifest, and so is that of the rows. What is compared is what both say: names,
places and sizes of all members, labels and facts of samples. Digests of members, and the tar's md5, are not computed;
they are as right as the writer that computed them from the same bytes.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.errors import DataError
from editmill.manifests.jsontypes import DECODER, json_types
from editmill.manifests.records import Manifest, ShardRecord
from editmill.manifests.rows import iter_row_batches, member_column, row_schema
from editmill.manifests.shardcheck import REPEATED, Found
from editmill.manifests.stats import count_facts, shard_identity
from editmill.manifests.store import Store
from editmill.manifests.tarshard import headers

_HEADER = tarfile.BLOCKSIZE
# Headers lie at multiples of their own size, so none lies in two blocks.
_BLOCK = 2048 * _HEADER
_SCALARS = (str, int, float, bool)

Places = npt.NDArray[np.int64]


def as_told(store: Store, manifest: Manifest, shard: ShardRecord, advance: Callable[[int], object]) -> Found | None:
    """Return what a shard holds, or None where something is wrong, or other than editmill's writer leaves it.

    Args:
        store: Where the dataset is.
        manifest: The dataset's.
        shard: As the manifest lists it; its rows are known to be those of the manifest.
        advance: Called with the number of bytes of the tar that were read since the last call.
    """
    try:
        with store.open(shard.rows.path) as stream:
            schema = row_schema(manifest.members, manifest.score_names)
            rows = pa.Table.from_batches(list(iter_row_batches(stream, schema=schema)), schema)
        if not _rows_fit(rows, manifest, shard):
            return None
        accepted = rows.filter(pc.equal(rows["status"], "ok"))
        layout = _Layout.of(accepted, sorted(manifest.members))
        if not layout.fills(shard.bytes):
            return None
        with store.open(shard.path) as stream:
            caught = _read(stream, layout, advance)
    except (DataError, FileNotFoundError):
        return None
    types = _samples_fit(accepted, caught) if caught.fit(shard, layout) else None
    if types is None:
        return None
    first = [reasons[0] if reasons else "" for reasons in rows["reasons"].to_pylist()]
    counts = count_facts(zip(rows["edit"].to_pylist(), rows["status"].to_pylist(), first, strict=True))
    identity = shard_identity(rows["inputs"].to_pylist(), manifest.members, manifest.score_names)
    return Found([], accepted.num_rows, rows.num_rows, counts, identity, shard.first_key, types or None)


@dataclass(frozen=True)
class _Layout:
    """Where rows say that a tar's members lie, in their order.

    Attributes:
        names: Of the members.
        offsets, sizes: Of their content, int64 [N].
        labels, facts: Which of them are labels and facts.
    """

    names: list[str]
    offsets: Places
    sizes: Places
    labels: Places
    facts: Places

    @classmethod
    def of(cls, accepted: pa.Table, members: Sequence[str]) -> _Layout:
        """Return the layout of accepted rows, whose members are sorted."""
        keys = accepted["key"].to_pylist()
        offsets, sizes = (
            np.array([accepted[f"{member_column(member)}_{what}"].to_numpy() for member in members]).T.reshape(-1)
            for what in ("offset", "size")
        )
        first = np.arange(len(keys)) * len(members)
        names = [f"{key}.{member}" for key in keys for member in members]
        return cls(names, offsets, sizes, first + members.index("cls"), first + members.index("json"))

    @property
    def end(self) -> int:
        """Where the last member ends, with its padding."""
        return int(_padded(self.offsets[-1:] + self.sizes[-1:]).sum())

    def fills(self, size: int) -> bool:
        """Tell whether the members follow each other without gaps, in a tar of ``size`` bytes."""
        ends = np.concatenate(([0], _padded(self.offsets + self.sizes)))
        whole = -(-(self.end + 2 * _HEADER) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
        return bool((self.sizes >= 0).all() and (self.offsets == ends[:-1] + _HEADER).all()) and size == whole


@dataclass(frozen=True)
class _Caught:
    """What was read of a tar: its size and sha256, the headers, uint8 [N + 1, 512], one where the end is, and the
    labels and facts.
    """

    size: int
    sha256: str
    headers: npt.NDArray[np.uint8]
    labels: list[bytes]
    facts: list[bytes]

    def fit(self, shard: ShardRecord, layout: _Layout) -> bool:
        """Tell whether the bytes are those of the manifest, and the headers those of the layout."""
        if (self.size, self.sha256) != (shard.bytes, shard.sha256) or self.headers[-1].any():
            return False
        return np.array_equal(self.headers[:-1], headers(layout.names, layout.sizes))


def _read(stream: BinaryIO, layout: _Layout, advance: Callable[[int], object]) -> _Caught:
    """Read a tar once: digest it, and keep what its layout says are headers, labels and facts."""
    sha256, at = hashlib.sha256(), 0
    places = np.append(layout.offsets - _HEADER, layout.end)
    found = np.zeros((len(places), _HEADER), np.uint8)
    wanted = np.sort(np.concatenate((layout.labels, layout.facts)))
    starts, ends = layout.offsets[wanted], (layout.offsets + layout.sizes)[wanted]
    pieces: dict[int, bytes] = dict.fromkeys(wanted.tolist(), b"")
    kept = list(zip(wanted.tolist(), starts.tolist(), ends.tolist(), strict=True))
    edges = np.arange(0, layout.end + _HEADER + _BLOCK, _BLOCK)
    # Of each block the headers, and the small members that it holds at least a part of.
    heads = np.searchsorted(places, edges).tolist()
    parts = zip(
        np.searchsorted(ends, edges, "right").tolist(), np.searchsorted(starts, edges[1:]).tolist(), strict=False
    )
    for number, (first, last) in enumerate(parts):
        block = stream.read(_BLOCK)
        if len(block) < min(_BLOCK, layout.end + _HEADER - at):
            break
        sha256.update(block)
        inside = places[heads[number] : heads[number + 1]] - at
        found[heads[number] : heads[number + 1]] = np.frombuffer(block, np.uint8)[inside[:, None] + np.arange(_HEADER)]
        for member, start, end in kept[first:last]:
            pieces[member] += block[max(0, start - at) : end - at]
        at += len(block)
        advance(len(block))
    while block := stream.read(_BLOCK):
        sha256.update(block)
        at += len(block)
        advance(len(block))
    labels, facts = ([pieces[one] for one in which.tolist()] for which in (layout.labels, layout.facts))
    return _Caught(at, sha256.hexdigest(), found, labels, facts)


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


def _samples_fit(accepted: pa.Table, caught: _Caught) -> dict[str, str] | None:
    """Return the types of the samples' facts, none of no samples; None where something of a sample does not fit."""
    if caught.labels != [str(label).encode() for label in accepted["label"].to_pylist()]:
        return None
    told = accepted.select(REPEATED).to_pylist()
    types: dict[str, str] | None = None
    shape: tuple[Any, ...] = ()
    for data, row in zip(caught.facts, told, strict=True):
        try:
            facts = DECODER.decode(data.decode())
            here = (facts.keys(), [*map(type, facts.values())])
            # Nested values have types of their own.
            if here != shape or not set(here[1]) <= set(_SCALARS):
                found = json_types(data)
                if types not in (None, found):
                    return None
                types, shape = found, here
        except (ValueError, RecursionError, AttributeError):
            return None
        if any(facts[name] != value for name, value in row.items() if name in facts):
            return None
    return types or {}


def _padded(sizes: Places) -> Places:
    return -(-sizes // _HEADER) * _HEADER
