"""Rows against the fields of `SampleRow`, by columns: a record of each row takes several times longer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]
from pydantic import TypeAdapter

from editmill.manifests.records import CandidateRecord, MemberSpan, Reason, Record, SampleRow, Score
from editmill.manifests.rows import member_column, parse_parameters, row_schema

_REASONS, _SCORES, _TEXTS = TypeAdapter(list[Reason]), TypeAdapter(list[Score]), TypeAdapter(list[str])


def check_columns(rows: pa.Table, members: Sequence[str]) -> None:
    """Check that every value of some rows is one that its field may have; what a row's fields are together is not told.

    Raises:
        ValueError: Some value is not.
    """
    rows.validate(full=True)
    for field in row_schema((), ()):
        if not pa.types.is_nested(field.type) and field.name != "parameters":
            _check(SampleRow, field.name, rows[field.name])
    _adapter(SampleRow, "parameters").validate_python([parse_parameters(text) for text in _values(rows["parameters"])])
    _REASONS.validate_python(_values(_flat(rows["reasons"])))
    _check_candidates(_flat(rows["candidates"]))
    for column in map(member_column, members):
        held = rows.filter(pc.greater_equal(rows[f"{column}_offset"], 0))
        for name in MemberSpan.model_fields:
            _check(MemberSpan, name, held[f"{column}_{name}"])


def _check_candidates(candidates: pa.ChunkedArray) -> None:
    attempts, seeds, accepted, reasons, scores = (
        pc.struct_field(candidates, name) for name in ("attempt", "seed", "accepted", "reasons", "scores")
    )
    for name, column in (("attempt", attempts), ("seed", seeds), ("accepted", accepted)):
        _check(CandidateRecord, name, column)
    _REASONS.validate_python(_values(_flat(reasons)))
    names, values = (pc.struct_field(_flat(scores), name) for name in ("name", "value"))
    _TEXTS.validate_python(_values(names))
    _SCORES.validate_python(_values(values))


def _check(record: type[Record], name: str, column: pa.ChunkedArray) -> None:
    _adapter(record, name).validate_python(_values(column))


@cache
def _adapter(record: type[Record], name: str) -> TypeAdapter[list[Any]]:
    field = record.model_fields[name]
    return TypeAdapter(list[Annotated[field.annotation, field]])  # type: ignore[name-defined]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column once each."""
    return list(pc.unique(column).to_pylist())


def _flat(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the items of lists.

    Raises:
        ValueError: A list is missing, which flattening leaves out.
    """
    if lists.null_count:
        raise ValueError("a list is missing")
    return pc.list_flatten(lists)
