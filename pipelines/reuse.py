"""What a finished dataset has that a new one would make again: shards and samples that are made from the same."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.atomic import atomic_file
from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import CorruptDatasetError, RequestError
from editmill.manifests.keys import shard_of
from editmill.manifests.manifest import MANIFEST, manifest_bytes, parse_manifest
from editmill.manifests.records import Manifest, SampleRow, ShardRecord, TarRecord
from editmill.manifests.rows import iter_row_batches, iter_rows, row_schema
from editmill.manifests.seals import check_seal
from editmill.manifests.shard import Fits, ShardFacts
from editmill.manifests.stats import ShardStats, parse_stats, shard_stem, stats_name, write_stats
from editmill.manifests.store import Store
from editmill.manifests.tarshard import read_members
from editmill.manifests.urls import is_url
from editmill.pipelines.provenance import full_environment
from editmill.pipelines.recipe import Recipe

# Making loads OpenCV and torch, without which datasets are judged anew and sources taken down.
if TYPE_CHECKING:
    from editmill.generators.base.making import Built

logger = logging.getLogger("editmill.build")
# Failures that a further build may not meet: a photograph that was being replaced, a model that ran out of something.
PASSING = (Reason.SOURCE_CHANGED, Reason.PROPOSER_ERROR, Reason.GUARD_ERROR)
# Copied samples that are written together.
TOGETHER = 64
# Written by `editmill regate`: its rows follow from other thresholds than their inputs say.
REGATE = "regate.json"


class Finished(NamedTuple):
    """A finished dataset whose samples may be copied, in a folder or at a URL."""

    store: Store
    manifest: Manifest


def reusable(root: Path) -> Finished:
    """Open a dataset whose samples may be copied.

    Raises:
        RequestError: They may not, or there is nothing.
        DataError: It is incomplete or damaged.
    """
    store = Store(root)
    manifest = _parsed(manifest_bytes(store), f"{store.root}/{MANIFEST}")
    if judged_anew(manifest):
        what = "its samples were judged anew by other thresholds than those that they were made with"
        raise RequestError(what, where=store.root, fix="name the dataset that it was made from, or build without it")
    return Finished(store, manifest)


def judged_anew(manifest: Manifest) -> bool:
    """Return whether a dataset's rows follow from other thresholds than those that their inputs say."""
    return any(record.path == REGATE for record in manifest.files)


@lru_cache(maxsize=2)
def _parsed(data: bytes, where: str) -> Manifest:
    """Parse a manifest once for all shards of a process."""
    check_seal(data, where=where)
    return parse_manifest(data, where=where)


def check_environment(root: Path, recipe: Recipe) -> None:
    """Refuse a dataset that other versions of libraries have built: another build would give it other bytes.

    Raises:
        RequestError: They differ, or its samples may not be copied.
    """
    old, here = reusable(root), full_environment(recipe)
    there = old.manifest.environment
    names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    differing = [f"{name} {there.get(name, 'none')} there and {here.get(name, 'none')} here" for name in names]
    if differing:
        what = f"it was built with other libraries: {', '.join(differing)}"
        fix = "build everything anew, use the same versions, or mix them with --allow-mixed-environment"
        raise RequestError(what, where=old.store.root, fix=fix)


def sharded_like(recipe: Recipe, manifest: Manifest) -> Recipe:
    """Return a recipe that names no number of shards with that of a finished dataset, so that shards serve whole."""
    return recipe.model_copy(update={"shards": len(manifest.shards)}) if recipe.shards == "auto" else recipe


class Kept:
    """Samples of a finished dataset, by what they are made from.

    Args:
        old: The dataset; None for no samples.
        samples: The planned ones that may be among them.
    """

    def __init__(self, old: Finished | None, samples: Iterable[PlannedSample]) -> None:
        self.rows: dict[str, SampleRow] = {}
        self._old, self._tars = old, dict[tuple[str, int], str]()
        if old is not None:
            self._find(old, samples)

    def _find(self, old: Finished, samples: Iterable[PlannedSample]) -> None:
        manifest, wanted, numbers = old.manifest, set[str](), set[int]()
        for sample in samples:
            wanted |= {sample.inputs, sample.inputs_with_spares}
            numbers.add(shard_of(sample.source.id, len(manifest.shards)))
        for shard in manifest.shards:
            if shard.number in numbers:
                self._tars[shard.split, shard.number] = shard.path
                rows = _table(old, shard)
                found = () if rows is None else _wanted(rows, wanted, old.manifest)
                self.rows |= {row.inputs: row for row in found if not may_pass(row)}

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
        assert self._old is not None
        path, store = self._tars[row.split, row.shard], self._old.store
        fix = "run `editmill verify` on it, or build without it"
        return read_members(
            row.members, partial(store.read_range, path), key=row.key, where=f"{store.root}/{path}", fix=fix
        )


def made_from(sample: PlannedSample, inputs: str) -> bool:
    """Return whether a row with these inputs is what a planned sample would become."""
    return inputs == sample.inputs or inputs == sample.inputs_with_spares


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
    on after what ``make`` has left. Of kept ones many come together, since a crash loses no work with them.
    """
    if not kept.rows:
        yield from make(iter(planned()))
        return
    made = make(sample for sample in planned() if kept.row(sample) is None)
    waiting: deque[Built] = deque()
    group: list[Built] = []
    new = False
    for _, mine in groupby(planned(), key=lambda sample: sample.source.id):
        for sample in mine:
            built = kept.built(sample, facts)
            if built is None and not waiting:
                waiting.extend(next(made))
            new = new or built is None
            group.append(built or waiting.popleft())
        if not waiting and (new or len(group) >= TOGETHER):
            yield group
            group, new = [], False
    if group:
        yield group


def copy_shard(old: Finished, out: Path, fits: Fits, facts: ShardFacts) -> ShardStats | None:
    """Take a whole shard over from a finished dataset, by hard links where the file system has them.

    Args:
        old: The finished dataset.
        out: The new one's folder.
        fits: Says whether rows with such inputs are those that the shard has to have.
        facts: Of the new shard.

    Returns:
        The new shard's stats as written; None where the old dataset has no such shard, or a damaged one.
    """
    manifest = old.manifest
    if set(manifest.members) != set(facts["members"]) or set(manifest.score_names) != set(facts["score_names"]):
        return None
    for shard in manifest.shards:
        if (shard.split, shard.number) == (facts["split"], facts["shard"]):
            rows = _table(old, shard)
            if rows is None or not fits(rows["inputs"].to_pylist()):
                return None
            try:
                stats = parse_stats(old.store.read(stats_name(shard.path)), where=stats_name(shard.path))
                same = stats.record() == shard and not _passing(stats)
                return place_shard(stats, old.store, out, facts) if same else None
            except (CorruptDatasetError, FileNotFoundError):
                return None
    return None


def place_shard(stats: ShardStats, store: Store, out: Path, facts: ShardFacts) -> ShardStats | None:
    """Give the files of a finished shard a place in another dataset.

    Args:
        stats: Of the shard.
        store: Where it is.
        out: The other dataset's folder.
        facts: Of the shard there.

    Returns:
        Its stats there, as written; None where the files are damaged.
    """
    split, stem = facts["split"], shard_stem(facts["name"], facts["shard"])
    (out / split).mkdir(parents=True, exist_ok=True)
    placed = {}
    for record, suffix in ((stats.tar, "tar"), (stats.rows, "parquet")):
        path = f"{split}/{stem}.{suffix}"
        _link(store, record.path, out / path)
        if file_digest(out / path) != record.sha256:
            (out / path).unlink()
            return None
        placed[suffix] = record.model_copy(update={"path": path})
    tar, rows = placed["tar"], placed["parquet"]
    assert isinstance(tar, TarRecord)
    update = {"fingerprint": facts["fingerprint"], "name": facts["name"], "tar": tar, "rows": rows}
    new = stats.model_copy(update=update)
    write_stats(out / split, new)
    return new


def _link(store: Store, path: str, target: Path) -> None:
    """Give a file a second name, or copy it where that can't be, as from an object store; whole, or not at all."""
    target.unlink(missing_ok=True)
    source = Path(store.root) / path
    # Of a symbolic link only what it leads to stays right wherever it is copied.
    if not is_url(store.root) and not source.is_symlink():
        with suppress(OSError):
            os.link(source, target)
            return
    with store.open(path) as stream, atomic_file(target) as copy:
        shutil.copyfileobj(stream, copy)


def _table(old: Finished, shard: ShardRecord) -> pa.Table | None:
    """Return a shard's rows; None, with a warning, where they are damaged."""
    schema = row_schema(old.manifest.members, old.manifest.score_names)
    try:
        data = old.store.read(shard.rows.path)
    except FileNotFoundError:
        data = b""
    if hashlib.sha256(data).hexdigest() == shard.rows.sha256:
        return pa.Table.from_batches(iter_row_batches(pa.BufferReader(data), schema=schema), schema)
    logger.warning("%s/%s is damaged; nothing of this shard is copied", old.store.root, shard.rows.path)
    return None


def _wanted(rows: pa.Table, inputs: Iterable[str], manifest: Manifest) -> Iterator[SampleRow]:
    """Yield the rows that are made from one of ``inputs``."""
    mine = rows.filter(pc.is_in(rows["inputs"], value_set=pa.array(list(inputs), pa.string())))
    return iter_rows(mine, members=manifest.members, score_names=manifest.score_names)


def _passing(stats: ShardStats) -> bool:
    failed = [statuses.get("failed", {}) for statuses in stats.counts.values()]
    return any(reason in PASSING for reasons in failed for reason in reasons)
