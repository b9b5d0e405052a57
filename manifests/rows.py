"""Parquet rows: one per planned sample, with an explicit schema, so that an all-empty column keeps its type."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]
from pydantic import ValidationError

from editmill.manifests.atomic import atomic_file
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import CorruptDatasetError, DataError, EditmillError, first_line
from editmill.manifests.files import check_regular
from editmill.manifests.records import CandidateRecord, MemberSpan, SampleRow
from editmill.manifests.wording import first_problem

# Merging holds one row group in memory.
ROW_GROUP_SIZE = 16_384
# Rows that are turned into columns at a time.
FEW = 1024

_SCORE = pa.struct([("name", pa.string()), ("value", pa.float64())])
_CANDIDATE = pa.struct(
    [
        ("attempt", pa.int64()),
        ("seed", pa.int64()),
        ("accepted", pa.bool_()),
        ("reasons", pa.list_(pa.string())),
        ("scores", pa.list_(_SCORE)),
    ]
)
_BASE_FIELDS: list[tuple[str, pa.DataType]] = [
    ("key", pa.string()),
    ("split", pa.string()),
    ("shard", pa.int64()),
    ("status", pa.string()),
    ("reasons", pa.list_(pa.string())),
    ("source_id", pa.string()),
    ("source_sha256", pa.string()),
    ("label", pa.int64()),
    ("class_name", pa.string()),
    ("wnid", pa.string()),
    ("generator", pa.string()),
    ("edit", pa.string()),
    ("level", pa.float64()),
    ("replica", pa.int64()),
    ("seed", pa.int64()),
    ("parameters", pa.string()),
    ("attempts", pa.int64()),
    ("cost", pa.int64()),
    ("inputs", pa.string()),
    ("candidates", pa.list_(_CANDIDATE)),
]


def row_schema(members: Sequence[str], score_names: Sequence[str]) -> pa.Schema:
    """Build the schema for a dataset's members and scores.

    Beside the fields of `SampleRow` it has ``score_<name>`` doubles (NaN where not measured), and per member
    ``<member>_offset`` and ``_size`` (int64, -1 where missing) and ``_sha256`` (``""`` where missing), dots as ``_``.

    Raises:
        DataError: Two columns would have the same name.
    """
    fields = list(_BASE_FIELDS)
    fields += [(f"score_{name}", pa.float64()) for name in sorted(score_names)]
    for member in sorted(members):
        column = member_column(member)
        fields += [(f"{column}_offset", pa.int64()), (f"{column}_size", pa.int64()), (f"{column}_sha256", pa.string())]
    names = [name for name, _ in fields]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"columns {repeated} would repeat", fix="rename the member or the score")
    # No nulls: with them pandas would read offsets and sizes as floats.
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in fields])


def member_column(member: str) -> str:
    """Return the column prefix of a member: ``mask.png`` gives ``mask_png``."""
    return member.replace(".", "_")


def write_rows(
    path: str | Path, rows: Iterable[SampleRow], *, members: Sequence[str], score_names: Sequence[str]
) -> None:
    """Write rows in the order given; equal rows give equal bytes with one pyarrow version.

    Raises:
        DataError: A row has a score or a member the schema does not know, or is ``ok`` without every member.
    """
    schema, records = row_schema(members, score_names), (_to_record(row, members, score_names) for row in rows)
    _write_groups(path, schema, iter(partial(_next_group, records, schema), schema.empty_table()))


def write_row_table(path: str | Path, rows: pa.Table) -> None:
    """Write rows that are a table already, as `write_rows` does."""
    starts = range(0, rows.num_rows, ROW_GROUP_SIZE)
    _write_groups(path, rows.schema, (rows.slice(start, ROW_GROUP_SIZE).combine_chunks() for start in starts))


def row_table(rows: Iterable[SampleRow], *, members: Sequence[str], score_names: Sequence[str]) -> pa.Table:
    """Return rows as a table, those of one shard at most.

    Raises:
        DataError: See `write_rows`.
    """
    records = [_to_record(row, members, score_names) for row in rows]
    return pa.Table.from_pylist(records, schema=row_schema(members, score_names))


def _write_groups(path: str | Path, schema: pa.Schema, groups: Iterator[pa.Table]) -> None:
    with atomic_file(path) as stream, pq.ParquetWriter(stream, schema) as writer:
        # A file without rows has one group as well.
        writer.write_table(next(groups, schema.empty_table()))
        for group in groups:
            writer.write_table(group)


def _next_group(records: Iterator[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return the next row group; records are far larger than columns, so few exist at a time."""
    few = (list(islice(records, min(FEW, ROW_GROUP_SIZE - start))) for start in range(0, ROW_GROUP_SIZE, FEW))
    parts = [pa.Table.from_pylist(part, schema=schema) for part in takewhile(len, few)]
    return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()


def read_rows(path: str | Path | BinaryIO, *, columns: Sequence[str] | None = None, where: str = "") -> pa.Table:
    """Read rows as a table, all columns if none are given.

    Raises:
        CorruptDatasetError: The file is not readable parquet; ``where`` names it if ``path`` does not.
    """
    with decoding(where or path), _open(path) as parquet:
        return parquet.read(columns, use_threads=False)


def iter_rows(
    table: pa.Table | pa.RecordBatch, *, members: Sequence[str], score_names: Sequence[str], where: str = ""
) -> Iterator[SampleRow]:
    """Turn a table, or a batch of one, back into rows.

    Scores that are NaN and members at offset -1 are absent from a row.

    Raises:
        CorruptDatasetError: A row breaks the contract of `SampleRow`; ``where`` names the file.
    """
    for start in range(0, table.num_rows, 1024):
        batch = table.slice(start, 1024)
        with decoding(where):
            records = batch.to_pylist()
        for record in records:
            try:
                yield _from_record(record, members, score_names)
            except (ValueError, LookupError, TypeError) as error:
                why = first_problem(error) if isinstance(error, ValidationError) else first_line(error)
                raise CorruptDatasetError(f"row {str(record.get('key'))!r} is damaged: {why}", where=where) from error


def merge_rows(paths: Iterable[str | Path], out: str | Path, *, schema: pa.Schema) -> int:
    """Concatenate parquet files into one, a row group at a time; return the number of rows.

    Raises:
        CorruptDatasetError: A file is not readable parquet, or has another schema.
    """
    count = 0
    with atomic_file(out) as stream, pq.ParquetWriter(stream, schema) as writer:
        for path in paths:
            for batch in iter_row_batches(path, schema=schema):
                # A batch becomes a row group, as in its shard: verification compares the files batch by batch.
                writer.write_batch(batch)
                count += batch.num_rows
    return count


def iter_row_batches(
    path: str | Path | BinaryIO, *, schema: pa.Schema, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows, a batch per row group.

    Args:
        path: The file.
        schema: Of all its columns.
        columns: Those to decode, all if not given; ``a.list.element.b`` is a part of one.

    Raises:
        CorruptDatasetError: The file is not readable parquet, or has another schema.
    """
    with decoding(path), open_rows(path, schema) as parquet:
        for group in range(parquet.num_row_groups):
            yield from parquet.read_row_group(group, columns, use_threads=False).combine_chunks().to_batches()


def open_rows(path: str | Path | BinaryIO, schema: pa.Schema) -> pq.ParquetFile:
    """Open a file of rows, best within `decoding`.

    Raises:
        CorruptDatasetError: It has another schema.
    """
    parquet = _open(path)
    if not parquet.schema_arrow.equals(schema):
        raise CorruptDatasetError("the rows have other columns than the manifest's members and scores", _name(path))
    return parquet


def _open(path: str | Path | BinaryIO) -> pq.ParquetFile:
    if isinstance(path, str | Path):
        check_regular(Path(path))
    # Neither reading ahead nor threads: threads of pyarrow that still hold a Python file abort the process at its end.
    # A file object also keeps pyarrow from deriving partition columns from folder names.
    return pq.ParquetFile(path, pre_buffer=False)


@contextmanager
def decoding(path: str | Path | BinaryIO) -> Iterator[None]:
    """Raise a `CorruptDatasetError` that names the file for whatever damaged parquet raises."""
    try:
        yield
    except (EditmillError, FileNotFoundError):
        raise
    # Damaged bytes raise whatever the step that meets them raises: Arrow's errors, UnicodeDecodeError, MemoryError.
    except Exception as error:
        raise CorruptDatasetError(f"not readable as parquet: {first_line(error)}", where=_name(path)) from error


def _name(path: str | Path | BinaryIO) -> str:
    return str(getattr(path, "path", getattr(path, "name", path)))


def _to_record(row: SampleRow, members: Sequence[str], score_names: Sequence[str]) -> dict[str, Any]:
    unknown = sorted(set(row.scores) - set(score_names)) + sorted(set(row.members) - set(members))
    missing = sorted(set(members) - set(row.members)) if row.status == "ok" else []
    if unknown or missing:
        raise DataError(f"row {row.key!r}: unknown scores or members {unknown}, missing members {missing}")
    record = {name: getattr(row, name) for name, _ in _BASE_FIELDS}
    # As text: every edit has parameters of its own, and the schema is one.
    record["parameters"] = canonical_json(row.parameters).decode()
    record["candidates"] = [_candidate_record(candidate) for candidate in row.candidates]
    for name in score_names:
        record[f"score_{name}"] = row.scores.get(name, math.nan)
    for member in members:
        span, column = row.members.get(member), member_column(member)
        record[f"{column}_offset"] = span.offset if span else -1
        record[f"{column}_size"] = span.size if span else -1
        record[f"{column}_sha256"] = span.sha256 if span else ""
    return record


def _candidate_record(candidate: CandidateRecord) -> dict[str, Any]:
    # Sorted, since equal rows must give equal bytes, in whatever order guards measured.
    scores = [{"name": name, "value": value} for name, value in sorted(candidate.scores.items())]
    return {**candidate.model_dump(exclude={"scores"}), "scores": scores}


def _from_record(record: dict[str, Any], members: Sequence[str], score_names: Sequence[str]) -> SampleRow:
    fields = {name: record[name] for name, _ in _BASE_FIELDS}
    fields["parameters"] = parse_parameters(record["parameters"])
    fields["candidates"] = [
        {**candidate, "scores": {score["name"]: score["value"] for score in candidate["scores"]}}
        for candidate in record["candidates"]
    ]
    values = {name: record[f"score_{name}"] for name in score_names}
    fields["scores"] = {name: value for name, value in values.items() if not math.isnan(value)}
    fields["members"] = {member: span for member in members if (span := member_span(record, member)) is not None}
    return SampleRow(**fields)


def parse_parameters(text: str) -> Any:
    """Parse the column ``parameters`` of a row.

    Raises:
        ValueError: It is no JSON, or nests deeper than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("parameters nest too deeply") from error


def member_span(record: dict[str, Any], member: str) -> MemberSpan | None:
    """Return a member's span from a row's columns, None where the sample has no such member."""
    column = member_column(member)
    if record[f"{column}_offset"] < 0:
        return None
    return MemberSpan(
        offset=record[f"{column}_offset"], size=record[f"{column}_size"], sha256=record[f"{column}_sha256"]
    )
