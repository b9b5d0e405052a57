"""A shard's stats file: the marker that the shard is done, with the digests of its tar and its rows."""

from __future__ import annotations

import errno
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json, digest, file_digest
from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.records import (
    Count,
    Counts,
    DatasetName,
    FileRecord,
    Record,
    SampleRow,
    Sha256,
    ShardRecord,
    SplitName,
    TarRecord,
)
from editmill.manifests.wording import first_problem

logger = logging.getLogger("editmill.manifests")
STATS_SUFFIX = "_stats.json"


class ShardStats(Record):
    """What one finished shard holds; written after its tar and its rows.

    Attributes:
        fingerprint: Of the dataset.
        identity: See `shard_identity`.
        tar: The shard's tar, its path relative to the dataset's root.
        rows: The shard's parquet file, likewise.
        nsamples: Accepted samples, those in the tar.
        planned: All planned samples, those in the rows.
        counts: Planned samples by edit, status and first reason.
    """

    schema_version: Literal[2] = 2
    fingerprint: str
    identity: Sha256
    name: DatasetName
    split: SplitName
    shard: Count
    tar: TarRecord
    rows: FileRecord
    nsamples: Count
    planned: Count
    counts: Counts

    def record(self) -> ShardRecord:
        """Return the shard as the manifest lists it."""
        return ShardRecord(**self.tar.model_dump(), nsamples=self.nsamples, rows=self.rows)


def shard_identity(inputs: Iterable[str], members: Sequence[str], score_names: Sequence[str]) -> str:
    """Return the digest of what a shard's samples are made from: shards of two datasets with one identity are equal.

    Args:
        inputs: Of the planned samples, in order; see `SampleRow`.
        members: Suffixes that every sample carries.
        score_names: Guard scores that rows may have.
    """
    return digest([sorted(members), sorted(score_names), list(inputs)])


def shard_stem(name: str, shard: int) -> str:
    """Return the file name of a shard without its extension."""
    return f"{name}-{shard:06d}"


def stats_path(folder: str | Path, stem: str) -> Path:
    """Return where a shard's stats file lies."""
    return Path(folder) / f"{stem}{STATS_SUFFIX}"


def stats_name(tar: str) -> str:
    """Return the path of the stats file that belongs to a shard's tar."""
    return tar.removesuffix(".tar") + STATS_SUFFIX


def write_stats(folder: str | Path, stats: ShardStats) -> None:
    """Write a shard's stats file into its split's folder, which marks the shard as done."""
    atomic_write(stats_path(folder, shard_stem(stats.name, stats.shard)), canonical_json(stats) + b"\n")


def read_stats(path: str | Path) -> ShardStats:
    """Read a stats file.

    Raises:
        CorruptDatasetError: The file is not a valid stats file; absent files raise FileNotFoundError.
    """
    try:
        data = read_bytes(Path(path))
    except FileProblem as error:
        if error.errno == errno.ENOENT:
            raise FileNotFoundError(error.errno, str(error), str(path)) from error
        raise CorruptDatasetError(f"damaged stats file: {error}", where=str(path)) from error
    return parse_stats(data, where=str(path))


def parse_stats(data: bytes, *, where: str) -> ShardStats:
    """Parse a stats file's content; see `read_stats`."""
    try:
        stats = ShardStats.model_validate_json(data)
        stats.record()
    except ValidationError as error:
        what = f"damaged stats file: {first_problem(error)}"
        raise CorruptDatasetError(what, where=where, fix="run `editmill build` again, which mends the shard") from error
    return stats


def found_stats(folder: str | Path, stem: str) -> ShardStats | None:
    """Return what a shard's stats file says, right or not; None where it is absent or damaged."""
    path = stats_path(folder, stem)
    try:
        return read_stats(path)
    except FileNotFoundError:
        return None
    except CorruptDatasetError as error:
        logger.warning("%s: %s", path, error.what)
        return None


def finished_shard(folder: str | Path, stem: str, *, fingerprint: str, deep: bool) -> ShardStats | None:
    """Return a shard's stats if the shard is done, else None; a damaged stats file is as good as none.

    Args:
        folder: The split's folder.
        stem: File name without extension, as `shard_stem` gives it.
        fingerprint: The shard counts as done only if it was built with this fingerprint.
        deep: Whether to compare digests too, instead of sizes alone.
    """
    path, stats = stats_path(folder, stem), found_stats(folder, stem)
    if stats is None:
        return None
    files = [(path.with_name(f"{stem}.tar"), stats.tar), (path.with_name(f"{stem}.parquet"), stats.rows)]
    if stats.fingerprint != fingerprint or not all(_matches(file, record, deep) for file, record in files):
        return None
    return stats


def count_rows(rows: Iterable[SampleRow]) -> Counts:
    """Count planned samples by edit, status and first reason (``""`` for ``ok``)."""
    return count_facts((row.edit, row.status, row.reasons[0] if row.reasons else "") for row in rows)


def count_facts(facts: Iterable[tuple[str, str, str]]) -> Counts:
    """Count samples of which edit, status and first reason are told."""
    counts: Counts = {}
    for (edit, status, reason), number in Counter(facts).items():
        _add(counts, edit, status, reason, number)
    return counts


def merge_counts(parts: Iterable[Counts]) -> Counts:
    """Add up the counts of several shards."""
    total: Counts = {}
    for counts in parts:
        for edit, statuses in counts.items():
            for status, reasons in statuses.items():
                for reason, number in reasons.items():
                    _add(total, edit, status, reason, number)
    return total


def _add(counts: Counts, edit: str, status: str, reason: str, number: int) -> None:
    reasons = counts.setdefault(edit, {}).setdefault(status, {})
    reasons[reason] = reasons.get(reason, 0) + number


def _matches(path: Path, record: FileRecord, deep: bool) -> bool:
    # What a symbolic link leads to is no part of the dataset.
    if path.is_symlink() or not path.is_file() or path.stat().st_size != record.bytes:
        return False
    return not deep or file_digest(path) == record.sha256
