"""What a finished dataset has that a new one would make again: shards and samples that are made from the same."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import PlannedSample, with_spares
from editmill.manifests.atomic import atomic_file
from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import CorruptDatasetError, RequestError
from editmill.manifests.gathering import Part
from editmill.manifests.keys import shard_of
from editmill.manifests.manifest import MANIFEST, manifest_bytes, parse_manifest
from editmill.manifests.records import Counts, Manifest, ShardRecord, TarRecord
from editmill.manifests.rows import iter_row_batches, row_schema
from editmill.manifests.seals import check_seal
from editmill.manifests.shard import Fits, Kept, ShardFacts
from editmill.manifests.stats import ShardStats, parse_stats, shard_stem, stats_name, write_stats
from editmill.manifests.store import Store
from editmill.manifests.urls import is_url
from editmill.pipelines.provenance import full_environment
from editmill.pipelines.recipe import Recipe

logger = logging.getLogger("editmill.build")
# Failures that a further build may not meet: a photograph that was being replaced, a model that ran out of something.
PASSING = (Reason.SOURCE_CHANGED, Reason.PROPOSER_ERROR, Reason.GUARD_ERROR)
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


@dataclass(frozen=True)
class Wanted:
    """What a planned sample is made from.

    Attributes:
        source: Id of its source.
        inputs: See ``PlannedSample``.
        spared: The same.
    """

    source: str
    inputs: str
    spared: str

    @cached_property
    def inputs_with_spares(self) -> str:
        """See ``PlannedSample``."""
        return with_spares(self.inputs, self.spared)


def kept_samples(old: Finished, wanted: Sequence[Wanted], *, but: Collection[str] = ()) -> Kept | None:
    """Find samples of a finished dataset that are made from the same as planned ones; None where there are none.

    Args:
        old: The finished dataset.
        wanted: What planned samples are made from.
        but: Tars that are damaged, as ``where`` of `Part` names them; nothing of them is kept.
    """
    manifest, parts, order = old.manifest, list[Part](), list[tuple[int, int] | None]([None] * len(wanted))
    spares = spares_last(manifest)
    numbers = {shard_of(one.source, len(manifest.shards)) for one in wanted}
    for shard in manifest.shards:
        where = f"{old.store.root}/{shard.path}"
        rows = _table(old, shard) if shard.number in numbers and where not in but else None
        if rows is None:
            continue
        lasting = _lasting(rows)
        places = ((lasting.get(one.inputs), one) for one in wanted)
        rows_of = [lasting.get(one.inputs_with_spares) if row is None and spares else row for row, one in places]
        found = {number: row for number, row in enumerate(rows_of) if row is not None}
        for place, number in enumerate(found):
            order[number] = len(parts), place
        if found:
            parts.append(Part(rows.take(list(found.values())), partial(old.store.read_range, shard.path), where))
    return Kept(parts, order) if parts else None


def made_from(sample: PlannedSample | Wanted, inputs: str) -> bool:
    """Return whether a row with these inputs is what a planned sample would become."""
    return inputs == sample.inputs or inputs == sample.inputs_with_spares


def count_passing(counts: Counts, reasons: Collection[str] = PASSING) -> int:
    """Return how many samples failed for one of the reasons; unless given, those that may not happen again."""
    failed = (statuses.get("failed", {}) for statuses in counts.values())
    return sum(count for found in failed for reason, count in found.items() if reason in reasons)


def spares_last(manifest: Manifest) -> bool:
    """Return whether no source, maybe of another shard, was gone for a while, whose place a spare may have taken."""
    return not count_passing(manifest.counts, (Reason.SOURCE_CHANGED,))


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
            try:
                if not fits(_inputs(old, shard)):
                    return None
                stats = parse_stats(old.store.read(stats_name(shard.path)), where=stats_name(shard.path))
                same = stats.record() == shard and not count_passing(stats.counts) and spares_last(manifest)
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


def _inputs(old: Finished, shard: ShardRecord) -> list[str]:
    """Return what a shard's samples are made from, as rows say whose bytes are not checked."""
    schema = row_schema(old.manifest.members, old.manifest.score_names)
    with old.store.open(shard.rows.path) as stream:
        batches = iter_row_batches(stream, schema=schema, columns=["inputs"])
        return [inputs for batch in batches for inputs in batch["inputs"].to_pylist()]


def _lasting(rows: pa.Table) -> dict[str, int]:
    """Return rows by what they are made from, without samples that failed in a way that may not happen again."""
    facts = zip(*(rows[name].to_pylist() for name in ("inputs", "status", "reasons")), strict=True)
    return {
        inputs: row
        for row, (inputs, status, reasons) in enumerate(facts)
        if status != "failed" or reasons[0] not in PASSING
    }
