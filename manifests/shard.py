"""Write one whole shard: tar, then rows, then the stats file that marks it as done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import DataError
from editmill.manifests.jsontypes import check_same_types, json_types
from editmill.manifests.records import PRIMARY_IMAGES, FileRecord, SampleRow, TarRecord
from editmill.manifests.rows import write_rows
from editmill.manifests.stats import ShardStats, count_rows, shard_stem, stats_path, write_stats
from editmill.manifests.tarshard import TarIndex, write_tar


def write_shard(
    root: str | Path,
    samples: Iterable[tuple[str, Mapping[str, bytes]]],
    rows: Iterable[SampleRow],
    *,
    name: str,
    split: str,
    shard: int,
    fingerprint: str,
    members: Sequence[str],
    score_names: Sequence[str],
) -> ShardStats:
    """Write a shard's files under ``root/split``.

    Args:
        root: The dataset's folder.
        samples: Accepted samples in order, one in memory at a time: key, and bytes by member suffix.
        rows: A row per planned sample. Read after ``samples`` is exhausted, so it may fill up meanwhile. Member spans
            are filled in here.
        name: The dataset's name.
        split: The split.
        shard: The shard's number.
        fingerprint: The recipe's fingerprint.
        members: Suffixes that every sample carries: ``cls``, ``json``, exactly one of png, webp and jpg, and others.
        score_names: Guard scores that rows may have.

    Returns:
        The stats as written.

    Raises:
        DataError: Samples and accepted rows differ, or a sample breaks the sample contract. No stats file is left then.
    """
    _check_members(members)
    folder = Path(root) / split
    folder.mkdir(parents=True, exist_ok=True)
    stem = shard_stem(name, shard)
    # The marker of an older shard must not vouch for the new files.
    stats_path(folder, stem).unlink(missing_ok=True)
    index = write_tar(folder / f"{stem}.tar", _checked(samples, members))
    placed = [_place(row, index, split, shard) for row in rows]
    _check_keys(placed, index)
    rows_path = folder / f"{stem}.parquet"
    write_rows(rows_path, placed, members=members, score_names=score_names)
    keys = list(index.members)
    stats = ShardStats(
        fingerprint=fingerprint,
        name=name,
        split=split,
        shard=shard,
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
        planned=len(placed),
        counts=count_rows(placed),
    )
    write_stats(folder, stats)
    return stats


def _check_members(members: Sequence[str]) -> None:
    primary = [member for member in members if member in PRIMARY_IMAGES]
    # Captions may leave their images where they are.
    enough = len(primary) == 1 or (not primary and "txt" in members)
    if not enough or not {"cls", "json"} <= set(members) or len(set(members)) != len(members):
        raise DataError(
            f"members {sorted(members)} break the sample contract",
            fix=f"give exactly one of {', '.join(PRIMARY_IMAGES)}, then cls and json; name other images as in mask.png",
        )


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
