"""Put a shard together of samples that tars hold already.

Neighbours are read together, and each member is digested once, while it is written.
"""

from __future__ import annotations

import math
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.records import MemberSpan
from editmill.manifests.rows import member_column
from editmill.manifests.tarshard import TarWriter, padded

# Bytes of neighbours that are read together, unless one sample is more.
_MOST = 1 << 22


class Part(NamedTuple):
    """Samples that a tar holds.

    Attributes:
        rows: Theirs, or those of some of them, with all columns of their dataset.
        read: Returns the tar's bytes from an offset up to another one.
        where: The tar in messages.
    """

    rows: pa.Table
    read: Callable[[int, int], bytes]
    where: str


class _Held(NamedTuple):
    """An accepted sample: its place in the shard, the part that holds it, and where its members lie there."""

    place: int
    part: Part
    key: str
    spans: dict[str, MemberSpan]

    @property
    def start(self) -> int:
        """Where its first member begins."""
        return min(span.offset for span in self.spans.values())

    @property
    def end(self) -> int:
        """Where the header of the next sample begins."""
        return max(span.offset + padded(span.size) for span in self.spans.values())


def gather(
    tar: TarWriter,
    parts: Sequence[Part],
    order: Sequence[tuple[int, int]],
    schema: pa.Schema,
    members: Sequence[str],
    check: Callable[[str, Mapping[str, bytes]], object],
) -> pa.Table:
    """Append samples to a tar, and return their rows, which still name the split and shard that they are from.

    Args:
        tar: Appended to.
        parts: What holds the samples.
        order: Of every sample the part and the row.
        schema: Of the rows.
        members: Suffixes that every sample carries.
        check: Called with the key and the members of the first of neighbours.

    Raises:
        CorruptDatasetError: A member's bytes do not have the digest of its row.
        DataError: See `TarWriter.add`.
    """
    before = list(accumulate((part.rows.num_rows for part in parts), initial=0))
    joined = pa.concat_tables([_with_columns(part.rows, schema) for part in parts])
    rows = joined.take(pa.array([before[part] + row for part, row in order], pa.int64())).combine_chunks()
    offsets = {member: rows[f"{member_column(member)}_offset"].to_pylist() for member in members}
    for run in _runs(_held(rows, [parts[part] for part, _ in order], members)):
        for one, content in _read(run):
            for member, span in tar.add(one.key, content).items():
                if span.sha256 != one.spans[member].sha256:
                    fix = "run `editmill verify` on it and mend it from a copy, or build without it"
                    what = f"{member} of sample {one.key!r} is damaged"
                    raise CorruptDatasetError(what, where=one.part.where, fix=fix)
                offsets[member][one.place] = span.offset
            if one is run[0]:
                check(one.key, content)
    for member, found in offsets.items():
        rows = with_column(rows, f"{member_column(member)}_offset", found)
    return rows


def with_column(rows: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    """Return rows with other values in a column."""
    field = rows.schema.field(name)
    return rows.set_column(rows.schema.get_field_index(name), field, pa.array(values, field.type))


def _with_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the columns of a schema; scores that their dataset does not know were not measured."""
    missing = pa.array([math.nan] * rows.num_rows, pa.float64())
    known = set(rows.schema.names)
    return pa.table([rows[name] if name in known else missing for name in schema.names], schema=schema)


def _held(rows: pa.Table, parts: Sequence[Part], members: Sequence[str]) -> Iterator[_Held]:
    """Yield the accepted samples among the rows."""
    kinds = ("offset", "size", "sha256")
    columns = [rows[f"{member_column(member)}_{kind}"].to_pylist() for member in members for kind in kinds]
    facts = zip(rows["key"].to_pylist(), rows["status"].to_pylist(), *columns, strict=True)
    for place, (key, status, *spans) in enumerate(facts):
        if status == "ok":
            found = {
                member: MemberSpan.model_construct(offset=spans[at], size=spans[at + 1], sha256=spans[at + 2])
                for member, at in zip(members, range(0, len(spans), len(kinds)), strict=True)
            }
            yield _Held(place, parts[place], key, found)


def _runs(samples: Iterable[_Held]) -> Iterator[list[_Held]]:
    """Yield neighbours: samples that lie one behind the other in one tar."""
    run: list[_Held] = []
    for one in samples:
        if run and not (
            one.part is run[0].part and one.start == run[-1].end + tarfile.BLOCKSIZE and one.end <= run[0].start + _MOST
        ):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _read(run: Sequence[_Held]) -> Iterator[tuple[_Held, dict[str, bytes]]]:
    """Yield samples with their members, read together."""
    start, part = run[0].start, run[0].part
    try:
        data = part.read(start, run[-1].end)
    except FileNotFoundError as error:
        raise CorruptDatasetError("is absent", where=part.where) from error
    for one in run:
        yield (
            one,
            {member: data[span.offset - start : span.offset - start + span.size] for member, span in one.spans.items()},
        )
