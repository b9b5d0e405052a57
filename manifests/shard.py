"""Write one whole shard: rows and tar, then the stats file that marks it as done."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.atomic import atomic_file
from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import DataError
from editmill.manifests.gathering import Part, gather, with_column
from editmill.manifests.growing import Brief, Built, GrowingTar, growing_tar
from editmill.manifests.jsontypes import check_same_types, json_types
from editmill.manifests.records import FileRecord, Manifest, SampleRow, ShardRecord, TarRecord, check_members
from editmill.manifests.rows import iter_row_batches, iter_rows, row_schema, row_table, write_row_table, write_rows
from editmill.manifests.stages import stage
from editmill.manifests.stats import ShardStats, count_facts, shard_identity, shard_stem, stats_path, write_stats
from editmill.manifests.tarshard import TarFile, TarWriter, index_tar

# Says of the inputs of all rows of a shard, in order, whether they are those that it has to have.
Fits = Callable[[Sequence[str]], bool]


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


def facts_of(manifest: Manifest, shard: ShardRecord, fingerprint: str) -> ShardFacts:
    """Return the facts of a shard that takes the place of one of a finished dataset, in one of another fingerprint."""
    return ShardFacts(
        name=manifest.name,
        split=shard.split,
        shard=shard.number,
        fingerprint=fingerprint,
        members=manifest.members,
        score_names=manifest.score_names,
    )


def write_shard(root: str | Path, samples: Iterable[Built], **facts: Unpack[ShardFacts]) -> ShardStats:
    """Write a shard's files under ``root/split``.

    Args:
        root: The dataset's folder.
        samples: A row per planned sample in order, with bytes by member suffix where it is accepted; one in memory at a
            time. Member spans are filled in here.
        facts: See `ShardFacts`.

    Returns:
        The stats as written.

    Raises:
        DataError: A sample breaks the sample contract. No stats file is left then.
    """

    def fill(tar: GrowingTar) -> None:
        for sample in samples:
            tar.add([sample], {})

    return grow_shard(root, fill, resume=False, **facts)


class Kept(NamedTuple):
    """Samples of a shard that are made already.

    Attributes:
        parts: What holds them.
        order: Of every sample of the shard the part and the row, None of one that is not among them.
    """

    parts: Sequence[Part]
    order: Sequence[tuple[int, int] | None]

    @property
    def missing(self) -> dict[int, None]:
        """Numbers of the others, in order."""
        return {number: None for number, place in enumerate(self.order) if place is None}


def grow_shard(
    root: str | Path,
    fill: Callable[[GrowingTar], None],
    *,
    resume: bool,
    kept: Kept | None = None,
    **facts: Unpack[ShardFacts],
) -> ShardStats:
    """Write a shard's files under ``root/split``.

    Args:
        root: The dataset's folder.
        fill: Adds to the tar the groups that come after those whose rows it has.
        resume: Whether to go on where an earlier call with these facts was stopped; equal facts are equal samples then.
        kept: Samples that are made already; only the others are filled in then, and copied last of all with these.
        facts: See `ShardFacts`.

    Raises:
        DataError: As `write_shard`.
        CorruptDatasetError: Bytes of a sample that was made already are not those that were stored.
    """
    split, shard, members, score_names = facts["split"], facts["shard"], facts["members"], facts["score_names"]
    _check_members(members)
    folder = Path(root) / split
    folder.mkdir(parents=True, exist_ok=True)
    stem = shard_stem(facts["name"], shard)
    # The marker of an older shard must not vouch for the new files.
    stats_path(folder, stem).unlink(missing_ok=True)
    missing = [] if kept is None else list(kept.missing)
    header = {**facts, "members": sorted(members), "score_names": sorted(score_names), "missing": missing}
    contract, path = _Contract(split, shard, members), folder / f"{stem}.tar"
    with growing_tar(path, header if resume else None, contract.check) as tar:
        fill(tar)
        with stage("write"):
            if kept is not None:
                file, keys, briefs = _gathered(path, tar, kept, contract, facts)
            else:
                file, keys, briefs = tar.close(), tar.keys, tar.done
                # Before the tar has its name, since only a growing tar still knows its rows.
                write_rows(path.with_suffix(".parquet"), tar.rows(), members=members, score_names=score_names)
    return _finish(folder, file, keys, briefs, facts)


def _gathered(
    path: Path, tar: GrowingTar, kept: Kept, contract: _Contract, facts: ShardFacts
) -> tuple[TarFile, list[str], list[Brief]]:
    """Write tar and rows of a shard of which ``tar`` has what is not kept; return what its stats file says."""
    columns = {"members": sorted(facts["members"]), "score_names": facts["score_names"]}
    made = Part(row_table(tar.rows(), **columns), tar.read, str(path))
    numbers = iter(range(made.rows.num_rows))
    order = [(len(kept.parts), next(numbers)) if place is None else place for place in kept.order]
    with atomic_file(path) as stream, TarWriter(stream, str(path)) as writer:
        schema = row_schema(**columns)
        rows = gather(writer, [*kept.parts, made], order, schema, columns["members"], contract.check_types)
        for name in ("split", "shard"):
            rows = with_column(rows, name, [facts[name]] * rows.num_rows)
        file = writer.close()
        write_row_table(path.with_suffix(".parquet"), rows)
    return file, list(writer.keys), _briefs(rows)


def _briefs(rows: pa.Table) -> list[Brief]:
    reasons = [next(iter(reasons), "") for reasons in rows["reasons"].to_pylist()]
    edits, statuses, inputs = (rows[name].to_pylist() for name in ("edit", "status", "inputs"))
    return [Brief(*facts) for facts in zip(edits, statuses, reasons, inputs, strict=True)]


class _Contract:
    """What holds for all samples of a shard."""

    def __init__(self, split: str, shard: int, members: Sequence[str]) -> None:
        self.split, self.shard, self.members = split, shard, frozenset(members)
        self._keys: set[str] = set()
        self._types: dict[str, str] | None = None

    def check(self, row: SampleRow, members: Mapping[str, bytes]) -> None:
        """Check a sample before it is written.

        Raises:
            DataError: It does not belong here, repeats, or has other members or JSON types than the samples before.
        """
        if (row.split, row.shard) != (self.split, self.shard):
            what = f"row {row.key!r} belongs to {row.split} shard {row.shard}, not to {self.split} shard {self.shard}"
            raise DataError(what)
        if row.key in self._keys:
            raise DataError(f"the key {row.key!r} repeats among the rows")
        self._keys.add(row.key)
        needed = self.members if row.status == "ok" else frozenset()
        if members.keys() != needed:
            what = f"sample {row.key!r} ({row.status}) has members {sorted(members)}, but {sorted(needed)} are needed"
            raise DataError(what)
        if members:
            self.check_types(row.key, members)

    def check_types(self, key: str, members: Mapping[str, bytes]) -> None:
        """Check the types in a sample's JSON.

        Raises:
            DataError: They are others than those of the samples before.
        """
        types = json_types(members["json"], where=f"{key}.json")
        self._types = self._types or types
        check_same_types(self._types, types, where=f"{key}.json")


def restore_stats(root: str | Path, *, fits: Fits, **facts: Unpack[ShardFacts]) -> ShardStats | None:
    """Write the stats file of a shard again, whose tar and rows are there and fit each other.

    Args:
        root: The dataset's folder.
        fits: Says whether rows with such inputs are those that the shard has to have.
        facts: See `ShardFacts`.

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
    elsewhere = any((row.split, row.shard) != (facts["split"], facts["shard"]) for row in rows)
    if elsewhere or not fits([row.inputs for row in rows]):
        return None
    # A tar may have lost some of the zeros at its end and still be read.
    if index.bytes % tarfile.RECORDSIZE:
        return None
    # Members in the order of rows, each where its row says and with its row's digest.
    if list(accepted.items()) != list(index.members.items()):
        return None
    return _finish(folder, index, list(index.members), list(map(Brief.of, rows)), facts)


def _finish(folder: Path, file: TarFile, keys: Sequence[str], rows: Sequence[Brief], facts: ShardFacts) -> ShardStats:
    """Write the stats file over a tar and rows that are there."""
    split, stem = facts["split"], shard_stem(facts["name"], facts["shard"])
    rows_path = folder / f"{stem}.parquet"
    stats = ShardStats(
        fingerprint=facts["fingerprint"],
        identity=shard_identity((row.inputs for row in rows), facts["members"], facts["score_names"]),
        name=facts["name"],
        split=split,
        shard=facts["shard"],
        tar=TarRecord(
            path=f"{split}/{stem}.tar",
            bytes=file.bytes,
            sha256=file.sha256,
            md5=file.md5,
            first_key=keys[0] if keys else "",
            last_key=keys[-1] if keys else "",
        ),
        rows=FileRecord(path=f"{split}/{stem}.parquet", bytes=rows_path.stat().st_size, sha256=file_digest(rows_path)),
        nsamples=len(keys),
        planned=len(rows),
        counts=count_facts((row.edit, row.status, row.reason) for row in rows),
    )
    write_stats(folder, stats)
    return stats


def _check_members(members: Sequence[str]) -> None:
    try:
        check_members(tuple(members))
    except ValueError as error:
        raise DataError(str(error)) from error
