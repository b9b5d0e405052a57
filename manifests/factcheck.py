"""Facts of many samples, parsed in one call and compared by columns: a call for each takes several times longer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]
import pyarrow.json as pj  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.canonical import canonical_json

_KINDS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_FLOAT = rb"-?\d+(?:\.\d+|(?=e))(?:e[+-]?\d+)?"
_FLOATS = rb"\[%b(?:, ?%b)*\]" % (_FLOAT, _FLOAT)


def parse_alike(first: dict[str, Any], texts: Sequence[bytes]) -> pa.Table:
    """Parse facts of the same fields and types.

    Args:
        first: Facts of the first sample: scalars, and filled lists of scalars of one type.
        texts: JSON of each sample; without other spaces than one behind commas and colons.

    Raises:
        ValueError: The facts are not all of the first one's fields and types, or hold something else.
    """
    schema = pa.schema([(name, _kind(value)) for name, value in first.items()])
    data = b"\n".join(texts)
    # One block and no threads: a sample is not cut, and nothing outlives the call.
    reading = pj.ReadOptions(use_threads=False, block_size=len(data) + 1)
    parsing = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    table = pj.read_json(pa.BufferReader(data), reading, parsing).combine_chunks()
    table.validate(full=True)
    if table.num_rows != len(texts) or not all(map(_filled, table.columns)):
        raise ValueError("the facts are not alike")
    # Others have an exponent and no dot, or an escaped dot in a text, or a float written as an integer.
    others = [text for text, dots in zip(texts, _dots(table), strict=True) if text.count(b".") != dots]
    if others and not _floats_written(first, b"\n".join(others), len(others)):
        raise ValueError("the facts are not alike")
    return table


def _kind(value: object) -> pa.DataType:
    if isinstance(value, list):
        (kind,) = {type(item) for item in value}
        return pa.list_(_kind(kind()))
    if type(value) not in _KINDS:
        raise ValueError(f"{type(value).__name__} is not a scalar")
    return _KINDS[type(value)]


def _filled(column: pa.ChunkedArray) -> bool:
    """Tell whether a column has neither nulls nor empty lists."""
    if column.null_count:
        return False
    if not pa.types.is_list(column.type):
        return True
    return bool(pc.min(pc.list_value_length(column)).as_py()) and _filled(pc.list_flatten(column))


def _dots(table: pa.Table) -> list[int]:
    """Count the dots of each sample as if each float had one: no number has two."""
    dots = np.full(table.num_rows, sum(name.count(".") for name in table.column_names))
    for column in (column.chunk(0) for column in table.columns):
        places, values = np.arange(len(column)), column
        if pa.types.is_list(column.type):
            places, values = pc.list_parent_indices(column).to_numpy(), pc.list_flatten(column)
        if pa.types.is_floating(values.type):
            dots += np.bincount(places, minlength=len(dots))
        elif pa.types.is_string(values.type):
            dots += np.bincount(places, pc.count_substring(values, ".").to_numpy(), len(dots)).astype(dots.dtype)
    return list(dots.tolist())


def _floats_written(first: dict[str, Any], data: bytes, count: int) -> bool:
    """Tell whether floats have a fraction or an exponent, all of them; Arrow takes integers for floats, and NaN."""
    floats = [name for name, value in first.items() if isinstance(value, float)]
    lists = [name for name, value in first.items() if isinstance(value, list) and isinstance(value[0], float)]
    for names, form in ((floats, _FLOAT), (lists, _FLOATS)):
        # A quote ends before a colon after names only.
        fields = b"|".join(re.escape(canonical_json(name)) for name in names)
        if names and len(re.findall(rb"(?:%b): ?%b" % (fields, form), data)) != count * len(names):
            return False
    return True
