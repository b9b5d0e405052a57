"""Write one whole shard: tar, then rows, then the stats file that marks it as done."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import DataError
from editmill.manifests.jsontypes import check_same_types, json_types
from editmill.manifests.records import FileRecord, SampleRow, TarRecord, check_members
from editmill.manifests.rows import iter_row_batches, iter_rows, row_schema, write_rows
from editmill.manifests.seals import parse_object
from editmill.manifests.stats import ShardStats, count_rows, shard_stem, stats_path, write_stats
from editmill.manifests.tarshard import TarIndex, index_tar, write_tar


class ShardFacts(TypedDict):
    """What identifies a shard and gives its rows their columns.

    Attributes:
        name: The dataset's name.
        split: The split.
        shard: The shard's number.
        fingerprint: The recipe's fingerprint.
        members: Suffixes that every sample carries: ``cls``, ``json``, exactly one of png, webp and jpg, and others.
        score_names: Guard scores that rows may have.
    """

    name: str
    split: str
    shard: int
    fingerprint: str
    members: Sequence[str]
    score_names: Sequence[str]


def write_shard(
    root: str | Path,
    samples: Iterable[tuple[str, Mapping[str, bytes]]],
    rows: Iterable[SampleRow],
    **facts: Unpack[ShardFacts],
) -> ShardStats:
    """Write a shard's files under ``root/split``.

    Args:
        root: The dataset's folder.
        samples: Accepted samples in order, one in memory at a time: key, and bytes by member suffix.
        rows: A row per planned sample. Read after ``samples`` is exhausted, so it may fill up meanwhile. Member spans
            are filled in here.
        facts: See `ShardFacts`.

    Returns:
        The stats as written.

    Raises:
        DataError: Samples and accepted rows differ, or a sample breaks the sample contract. No stats file is left then.
    """
    split, shard, members = facts["split"], facts["shard"], facts["members"]
    _check_members(members)
    folder = Path(root) / split
    folder.mkdir(parents=True, exist_ok=True)
    stem = shard_stem(facts["name"], shard)
    # The marker of an older shard must not vouch for the new files.
    stats_path(folder, stem).unlink(missing_ok=True)
    index = write_tar(folder / f"{stem}.tar", _checked(samples, members))
    placed = [_place(row, index, split, shard) for row in rows]
    _check_keys(placed, index)
    write_rows(folder / f"{stem}.parquet", placed, members=members, score_names=facts["score_names"])
    return _finish(folder, index, placed, facts)


def restore_stats(root: str | Path, keys: Sequence[str], **facts: Unpack[ShardFacts]) -> ShardStats | None:
    """Write the stats file of a shard again, whose tar and rows are there and fit each other.

    Args:
        root: The dataset's folder.
        keys: The shard's planned samples, in order.
        facts: See `ShardFacts`. Samples name the fingerprint, so a shard without any is not restored.

    Returns:
        The stats as written; None where the shard has to be built.
    """
    folder, stem = Path(root) / facts["split"], shard_stem(facts["name"], facts["shard"])
    tar, members, score_names = folder / f"{stem}.tar", facts["members"], facts["score_names"]
    try:
        index = index_tar(tar)
        batches = iter_row_batches(folder / f"{stem}.parquet", schema=row_schema(members, score_names))
        rows = [row for batch in batches for row in iter_rows(batch, members=members, score_names=score_names)]
    except DataError:
        return None
    accepted = {row.key: row.members for row in rows if row.status == "ok"}
    planned = [(row.split, row.shard, row.key) for row in rows]
    if planned != [(facts["split"], facts["shard"], key) for key in keys]:
        return None
    # A tar may have lost some of the zeros at its end and still be read.
    if index.bytes % tarfile.RECORDSIZE:
        return None
    # Members in the order of rows, each where its row says and with its row's digest.
    if list(accepted.items()) != list(index.members.items()) or not _made_for(facts["fingerprint"], tar, index):
        return None
    return _finish(folder, index, rows, facts)


def _made_for(fingerprint: str, tar: Path, index: TarIndex) -> bool:
    span = next((spans["json"] for spans in index.members.values() if "json" in spans), None)
    if span is None:
        return False
    with open(tar, "rb") as stream:
        stream.seek(span.offset)
        data = stream.read(span.size)
    try:
        return bool(parse_object(data, where=str(tar)).get("fingerprint") == fingerprint)
    except DataError:
        return False


def _finish(folder: Path, index: TarIndex, rows: Sequence[SampleRow], facts: ShardFacts) -> ShardStats:
    """Write the stats file over a tar and rows that are there."""
    split, stem, keys = facts["split"], shard_stem(facts["name"], facts["shard"]), list(index.members)
    rows_path = folder / f"{stem}.parquet"
    stats = ShardStats(
        fingerprint=facts["fingerprint"],
        name=facts["name"],
        split=split,
        shard=facts["shard"],
        tar=TarRecord(
            path=f"{split}/{stem}.tar",
            bytes=index.bytes,
            sha256=index.sha256,
            md5=index.md5,
            first_key=keys[0] if keys else "",
            last_key=keys[-1] if keys else "",
        ),
        rows=FileRecord(path=f"{split}/{stem}.parquet", bytes=rows_path.stat().st_size, sha256=file_digest(rows_path)),
        nsamples=len(keys),
        planned=len(rows),
        counts=count_rows(rows),
    )
    write_stats(folder, stats)
    return stats


def _check_members(members: Sequence[str]) -> None:
    try:
        check_members(tuple(members))
    except ValueError as error:
        raise DataError(str(error)) from error


def _checked(
    samples: Iterable[tuple[str, Mapping[str, bytes]]], members: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    first: dict[str, str] | None = None
    for key, content in samples:
        if set(content) != set(members):
            raise DataError(f"sample {key!r} has members {sorted(content)}, the dataset has {sorted(members)}")
        types = json_types(content["json"], where=f"{key}.json")
        first = types if first is None else first
        check_same_types(first, types, where=f"{key}.json")
        yield key, content


def _place(row: SampleRow, index: TarIndex, split: str, shard: int) -> SampleRow:
    if (row.split, row.shard) != (split, shard):
        raise DataError(f"row {row.key!r} belongs to {row.split} shard {row.shard}, not to {split} shard {shard}")
    return row.model_copy(update={"members": index.members.get(row.key, {})})


def _check_keys(rows: Sequence[SampleRow], index: TarIndex) -> None:
    planned = [row.key for row in rows]
    if len(set(planned)) != len(planned):
        raise DataError(f"{len(planned) - len(set(planned))} keys repeat among the rows", where=index.path)
    accepted = {row.key for row in rows if row.status == "ok"}
    odd = sorted(accepted ^ index.members.keys())
    if odd:
        raise DataError(f"samples and accepted rows differ, first in {odd[0]!r}", where=index.path)
