"""Whether one parquet file holds the rows of others, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, BinaryIO

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.rows import decoding, open_rows
from editmill.manifests.store import Store


@dataclass(frozen=True)
class RowGroup:
    """A group of rows in an open file."""

    stream: BinaryIO
    parquet: pq.ParquetFile
    number: int

    def read(self) -> pa.Table:
        """Decode the group."""
        return self.parquet.read_row_group(self.number, use_threads=False).combine_chunks()

    def stored(self) -> tuple[list[Any], bytes]:
        """Return how columns are encoded and where in the group they lie, and the group's bytes."""
        group = self.parquet.metadata.row_group(self.number)
        columns = [group.column(position) for position in range(group.num_columns)]
        # A column's dictionary, if it has one, comes first.
        starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
        sizes = [column.total_compressed_size for column in columns]
        facts = [
            (start - starts[0], size, column.path_in_schema, column.encodings, column.compression, column.num_values)
            for column, start, size in zip(columns, starts, sizes, strict=True)
        ]
        self.stream.seek(starts[0])
        return facts, self.stream.read(starts[-1] + sizes[-1] - starts[0])


def is_joined(store: Store, joined: str, parts: Iterable[str], schema: pa.Schema) -> bool:
    """Tell whether a file's row groups are those of its parts.

    Args:
        store: Where the files are.
        joined: The file.
        parts: Files whose rows it should hold.
        schema: Of all of them.

    Raises:
        CorruptDatasetError: A file is not readable parquet, or has another schema.
    """
    others = (group for part in parts for group in _groups(store, part, schema))
    for ours, theirs in zip_longest(_groups(store, joined, schema), others):
        if ours is None or theirs is None:
            return False
        with decoding(joined):
            # As a rule the bytes are the same, which spares decoding them.
            if ours.stored() != theirs.stored() and not _same(ours.read(), theirs.read()):
                return False
    return True


def _groups(store: Store, path: str, schema: pa.Schema) -> Iterator[RowGroup]:
    with store.open(path) as stream, decoding(path), open_rows(stream, schema) as parquet:
        for number in range(parquet.num_row_groups):
            # Of files without rows only the parts have a group.
            if parquet.metadata.row_group(number).num_rows:
                yield RowGroup(stream, parquet, number)


def _same(one: pa.Table, other: pa.Table) -> bool:
    return bool(_without_nan(one).equals(_without_nan(other)))


def _without_nan(table: pa.Table) -> pa.Table:
    for position, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table[field.name]
            # Arrow takes NaN as different from NaN.
            filled = pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
            table = table.set_column(position, field.name, filled)
    return table
