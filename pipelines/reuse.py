"""What a finished dataset has that a new one would make again: shards and samples that are made from the same."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from editmill.generators.base.making import Built
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.atomic import open_temporary
from editmill.manifests.errors import CorruptDatasetError, RequestError
from editmill.manifests.keys import shard_of
from editmill.manifests.manifest import read_manifest
from editmill.manifests.records import Manifest, SampleRow, ShardRecord, TarRecord
from editmill.manifests.rows import iter_row_batches, iter_rows, row_schema
from editmill.manifests.shard import Fits, ShardFacts
from editmill.manifests.stats import ShardStats, finished_shard, shard_stem, write_stats
from editmill.pipelines.provenance import full_environment
from editmill.pipelines.recipe import Recipe

# Failures that a further build may not meet: a photograph that was being replaced, a model that ran out of something.
PASSING = (Reason.SOURCE_CHANGED, Reason.PROPOSER_ERROR, Reason.GUARD_ERROR)
# Written by `editmill regate`: its rows follow from other thresholds than their inputs say.
REGATE = "regate.json"


def reusable(root: Path) -> Manifest:
    """Return the manifest of a dataset whose samples may be copied.

    Raises:
        RequestError: They may not, or there is nothing.
        DataError: It is incomplete or damaged.
    """
    manifest = read_manifest(root)
    if any(record.path == REGATE for record in manifest.files):
        what = "its samples were judged anew by other thresholds than those that they were made with"
        raise RequestError(what, where=str(root), fix="name the dataset that it was made from, or build without it")
    return manifest


def check_environment(root: Path, recipe: Recipe) -> None:
    """Refuse a dataset that other versions of libraries have built: another build would give it other bytes.

    Raises:
        RequestError: They differ, or its samples may not be copied.
    """
    there, here = reusable(root).environment, full_environment(recipe)
    names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    differing = [f"{name} {there.get(name, 'none')} there and {here.get(name, 'none')} here" for name in names]
    if differing:
        what = f"it was built with other libraries: {', '.join(differing)}"
        fix = "build everything anew, use the same versions, or mix them with --allow-mixed-environment"
        raise RequestError(what, where=str(root), fix=fix)


def sharded_like(recipe: Recipe, root: Path) -> Recipe:
    """Return a recipe that names no number of shards with that of a finished dataset, so that shards serve whole."""
    return recipe.model_copy(update={"shards": len(reusable(root).shards)}) if recipe.shards == "auto" else recipe


class Kept:
    """Samples of a finished dataset, by what they are made from.

    Args:
        root: Its folder; None for no samples.
        samples: The planned ones that may be among them.
    """

    def __init__(self, root: Path | None, samples: Iterable[PlannedSample]) -> None:
        self.rows: dict[str, SampleRow] = {}
        self._tars: dict[tuple[str, int], Path] = {}
        if root is not None:
            self._find(root, samples)

    def _find(self, root: Path, samples: Iterable[PlannedSample]) -> None:
        manifest, wanted, numbers = reusable(root), set[str](), set[int]()
        for sample in samples:
            wanted |= {sample.inputs, sample.inputs_with_spares}
            numbers.add(shard_of(sample.source.id, len(manifest.shards)))
        for shard in manifest.shards:
            if shard.number in numbers:
                self._tars[shard.split, shard.number] = root / shard.path
                rows = _rows(root, shard, manifest)
                self.rows |= {row.inputs: row for row in rows if row.inputs in wanted and not may_pass(row)}

    def built(self, sample: PlannedSample, facts: ShardFacts) -> Built | None:
        """Return the row and the stored bytes of a planned sample, for its place in another dataset; None for one that
        has to be made.

        Raises:
            CorruptDatasetError: The bytes are not those that were stored.
        """
        row = self.row(sample)
        if row is None:
            return None
        members = self._members(row) if row.members else {}
        return row.model_copy(update={"split": facts["split"], "shard": facts["shard"]}), members

    def row(self, sample: PlannedSample) -> SampleRow | None:
        """Return the row of a planned sample; None for one that has to be made."""
        return self.rows.get(sample.inputs) or self.rows.get(sample.inputs_with_spares)

    def _members(self, row: SampleRow) -> dict[str, bytes]:
        with open(self._tars[row.split, row.shard], "rb") as stream:
            return {suffix: _read(stream, row, suffix) for suffix in row.members}


def made_from(sample: PlannedSample, inputs: str) -> bool:
    """Return whether a row with these inputs is what a planned sample would become."""
    return inputs in (sample.inputs, sample.inputs_with_spares)


def may_pass(row: SampleRow) -> bool:
    """Return whether a sample failed in a way that may not happen again."""
    return row.status == "failed" and row.reasons[0] in PASSING


def in_plan_order(
    planned: Callable[[], Iterable[PlannedSample]],
    kept: Kept,
    facts: ShardFacts,
    make: Callable[[Iterator[PlannedSample]], Iterator[list[Built]]],
) -> Iterator[list[Built]]:
    """Yield groups of samples in the plan's order: kept ones as they are, and all others as ``make`` makes them.

    A group that was made comes whole, with what is kept between its samples, so that whoever goes on after a group goes
    on after what ``make`` has left.
    """
    if not kept.rows:
        yield from make(iter(planned()))
        return
    made = make(sample for sample in planned() if kept.row(sample) is None)
    waiting, group = deque[Built](), list[Built]()
    for _, mine in groupby(planned(), key=lambda sample: sample.source.id):
        for sample in mine:
            built = kept.built(sample, facts)
            if built is None and not waiting:
                waiting.extend(next(made))
            group.append(built or waiting.popleft())
        if not waiting:
            yield group
            group = []


def copy_shard(old: Path, out: Path, fits: Fits, facts: ShardFacts) -> ShardStats | None:
    """Take a whole shard over from a finished dataset, by hard links where the file system has them.

    Args:
        old: The finished dataset's folder.
        out: The new one's.
        fits: Says whether rows with such inputs are those that the shard has to have.
        facts: Of the new shard.

    Returns:
        The new shard's stats as written; None where the old dataset has no such shard, or a damaged one.
    """
    manifest = reusable(old)
    if set(manifest.members) != set(facts["members"]) or set(manifest.score_names) != set(facts["score_names"]):
        return None
    for shard in manifest.shards:
        if (shard.split, shard.number) == (facts["split"], facts["shard"]):
            stem = Path(shard.path).stem
            stats = finished_shard(old / shard.split, stem, fingerprint=manifest.fingerprint, deep=True)
            if stats is None or _passing(stats):
                return None
            if fits(pq.read_table(old / stats.rows.path, columns=["inputs"], use_threads=False)["inputs"].to_pylist()):
                return place_shard(stats, old, out, facts)
    return None


def place_shard(stats: ShardStats, old: Path, out: Path, facts: ShardFacts) -> ShardStats:
    """Give the files of a finished shard a place in another dataset; return its stats there, as written."""
    split, stem = facts["split"], shard_stem(facts["name"], facts["shard"])
    (out / split).mkdir(parents=True, exist_ok=True)
    placed = {}
    for record, suffix in ((stats.tar, "tar"), (stats.rows, "parquet")):
        path = f"{split}/{stem}.{suffix}"
        _link(old / record.path, out / path)
        placed[suffix] = record.model_copy(update={"path": path})
    tar, rows = placed["tar"], placed["parquet"]
    assert isinstance(tar, TarRecord)
    update = {"fingerprint": facts["fingerprint"], "name": facts["name"], "tar": tar, "rows": rows}
    new = stats.model_copy(update=update)
    write_stats(out / split, new)
    return new


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that can't be; whole, or not at all."""
    target.unlink(missing_ok=True)
    with suppress(OSError):
        os.link(source, target)
        return
    temporary, stream = open_temporary(target)
    with stream:
        shutil.copyfile(source, temporary)
        os.replace(temporary, target)


def _rows(root: Path, shard: ShardRecord, manifest: Manifest) -> Iterator[SampleRow]:
    columns: dict[str, Any] = {"members": manifest.members, "score_names": manifest.score_names}
    for batch in iter_row_batches(root / shard.rows.path, schema=row_schema(**columns)):
        yield from iter_rows(batch, **columns, where=shard.rows.path)


def _read(stream: BinaryIO, row: SampleRow, suffix: str) -> bytes:
    span = row.members[suffix]
    stream.seek(span.offset)
    data = stream.read(span.size)
    if hashlib.sha256(data).hexdigest() != span.sha256:
        fix = "run `editmill verify` on it, or build without it"
        raise CorruptDatasetError(f"{suffix} of sample {row.key!r} is damaged", where=stream.name, fix=fix)
    return data


def _passing(stats: ShardStats) -> bool:
    failed = [statuses.get("failed", {}) for statuses in stats.counts.values()]
    return any(reason in PASSING for reasons in failed for reason in reasons)
