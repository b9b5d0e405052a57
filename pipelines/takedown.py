"""Taking sources down: everything that shows one is purged from all versions of a dataset, and it never comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from editmill.generators.base.making import Built
from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json, digest
from editmill.manifests.errors import CorruptDatasetError, RequestError
from editmill.manifests.guard_report import GUARD_REPORT
from editmill.manifests.manifest import write_dataset_files
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import Record, SampleRow, ShardRecord
from editmill.manifests.rows import iter_rows
from editmill.manifests.shard import facts_of, write_shard
from editmill.manifests.stats import ShardStats, merge_counts, read_stats, stats_name
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import VERSIONS, is_version, make_current, read_current, version_folder, versions_of
from editmill.manifests.wording import first_problem
from editmill.pipelines.changes import CHANGES, PROSE, REMOVED
from editmill.pipelines.registry import family_of
from editmill.pipelines.reuse import REGATE, place_shard
from editmill.pipelines.spent import total
from editmill.pipelines.states import BACKGROUNDS, NEXT, forget_state, lock_versions, whole_version
from editmill.pipelines.workspace import write_run

FORGOTTEN = "forgotten.json"
# Of a version while it is replaced by one without a source: the new one, and the old one; and of one that is deleted.
PURGED, ASIDE, DELETED = ".purged", ".aside", ".removed"
# Files of a dataset that are not made from its shards.
COPIED = (GUARD_REPORT, REGATE, CHANGES, PROSE, REMOVED)


class _Forgotten(Record):
    """Ids of sources that were taken down."""

    sources: frozenset[str]


def forgotten(root: Path) -> frozenset[str]:
    """Return the ids of sources that were taken down."""
    path = root / FORGOTTEN
    return parse_forgotten(path.read_bytes() if path.exists() else None)


def parse_forgotten(data: bytes | None) -> frozenset[str]:
    """Return the ids in the file of sources that were taken down; None where there is no file."""
    if data is None:
        return frozenset()
    try:
        return _Forgotten.model_validate_json(data).sources
    except ValidationError as error:
        fix = 'write it again, from a copy or by hand: {"sources":["ID", …]} with all ids that --forget has named'
        raise CorruptDatasetError(f"damaged: {first_problem(error)}", where=FORGOTTEN, fix=fix) from error


def refuse_forgotten(version: Dataset, sources: Collection[str]) -> None:
    """Refuse a version that shows sources that were taken down.

    Raises:
        RequestError: It does.
    """
    if _shows_any(version, sources):
        what = "the version shows a source that was taken down, and could not be purged then"
        raise RequestError(what, where=version.store.root, fix="delete it, or mend it and run the same --forget again")


def take_down(root: Path, sources: Collection[str]) -> dict[str, int]:
    """Purge sources from all versions in a folder, and leave them out of all later ones.

    Returns:
        The number of samples that each version lost.

    Raises:
        RequestError: No version shows one of them, or among the versions is something else.
        DataError: A version is damaged; those that are not were purged.
    """
    with lock_versions(root):
        current = read_current(root)
        clear_away(root)
        versions = versions_of(root)
        others = {path.name for path in (root / VERSIONS).glob("*")} - set(versions)
        refuse_strangers((f"{VERSIONS}/{name}" for name in others), str(root))
        note_forgotten(root, sources, where=str(root))
        try:
            return purge_all(versions, partial(purge, root), where=str(root))
        finally:
            if current is not None and current.version in versions:
                make_current(root, current.version)


def clear_away(root: Path) -> None:
    """Delete what may show a source besides finished versions."""
    mend(root)
    for name in (NEXT, BACKGROUNDS):
        shutil.rmtree(root / name, ignore_errors=True)


def refuse_strangers(names: Iterable[str], where: str) -> None:
    """Refuse a take-down while among the versions is what can't be purged: a copy, or a folder without a manifest.

    Args:
        names: Paths of what is no version, or belongs to none.
        where: The folder of versions in messages.

    Raises:
        RequestError: One of them is among the versions.
    """
    for name in sorted(names):
        if name.startswith(f"{VERSIONS}/"):
            what = f"{name} can't be purged and may show what is to be taken down, so nothing was purged"
            raise RequestError(what, where=where, fix="delete it, and run the same command again")


def note_forgotten(root: Path, sources: Collection[str], *, where: str) -> None:
    """Note that sources stay out from now on; of each version the manifest and the merged rows have to be there.

    Args:
        root: The folder of versions.
        sources: Their ids.
        where: The folder in messages.

    Raises:
        RequestError: No version shows one of them.
    """
    with whole_version():
        known = {row.source_id for version in versions_of(root) for row in _rows(_opened(root, version))}
    if unknown := sorted(set(sources) - known - forgotten(root)):
        what = f"no version has a source {unknown[0]!r}, so nothing was purged"
        raise RequestError(what, where=where, fix="name ids as in the column source_id of samples.parquet")
    atomic_write(root / FORGOTTEN, canonical_json({"sources": sorted(forgotten(root) | set(sources))}))


def shows_forgotten(root: Path, version: str) -> bool:
    """Return whether a version has samples that show a source that was taken down."""
    return _shows_any(_opened(root, version), forgotten(root))


def _shows_any(version: Dataset, sources: Collection[str]) -> bool:
    return bool(sources) and any(shows(row, sources) for row in _rows(version))


def mend(root: Path) -> None:
    """Finish or undo what a take-down or a deletion that was stopped has left."""
    for path in (root / VERSIONS).glob(f".*{ASIDE}"):
        version = version_folder(root, path.name[1 : -len(ASIDE)])
        if not version.exists():
            path.rename(version)
    for path in (root / VERSIONS).glob(".*"):
        # File managers have hidden files of their own.
        if path.suffix in (PURGED, ASIDE, DELETED) and is_version(path.stem[1:]):
            shutil.rmtree(path)


def purge_all(versions: Iterable[str], purge: Callable[[str], int], *, where: str) -> dict[str, int]:
    """Purge all versions that can be; return the number of samples that each has lost.

    Args:
        versions: All that there are.
        purge: Purges one.
        where: Their folder in messages.

    Raises:
        CorruptDatasetError: Some are damaged.
    """
    lost, damaged = dict[str, int](), dict[str, CorruptDatasetError]()
    for version in versions:
        try:
            lost[version] = purge(version)
        except CorruptDatasetError as error:
            damaged[version] = error
    if damaged:
        first, found = next(iter(damaged.items()))
        what = f"{', '.join(damaged)} can't be purged and may show what was taken down: {found.what} ({found.where})"
        fix = f"delete {where}/{VERSIONS}/{first} and run the same command again; all other versions were purged"
        raise CorruptDatasetError(what, where=where, fix=fix)
    return lost


def purge(root: Path, version: str) -> int:
    """Replace a version by one without what shows the sources; return the number of its samples that are gone."""
    sources = forgotten(root)
    forget_state(root, version, sources)
    folder, opened = version_folder(root, version), _opened(root, version)
    rows = list(_rows(opened))
    gone = {row.key for row in rows if shows(row, sources)}
    if not gone:
        return 0
    new, aside = (folder.with_name(f".{version}{suffix}") for suffix in (PURGED, ASIDE))
    _write(opened, rows, gone, folder, new)
    verify_dataset(new).raise_for_problems()
    folder.rename(aside)
    new.rename(folder)
    shutil.rmtree(aside)
    return len(gone)


def shows(row: SampleRow, sources: Collection[str]) -> bool:
    """Return whether a sample is made of one of the sources, or names one as that which lent its background."""
    lent = (row.parameters.get(name) for name in family_of(row.generator).lenders)
    return row.source_id in sources or any(one in sources for one in lent)


def _opened(root: Path, version: str) -> Dataset:
    return open_dataset(version_folder(root, version))


def _rows(opened: Dataset) -> Iterator[SampleRow]:
    manifest = opened.manifest
    return iter_rows(opened.table, members=manifest.members, score_names=manifest.score_names)


def _write(opened: Dataset, rows: list[SampleRow], gone: set[str], folder: Path, new: Path) -> None:
    manifest = opened.manifest
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    # Its content no longer follows from recipe and sources alone.
    fingerprint = digest({"of": manifest.fingerprint, "without": sorted(gone)})
    stats = [_shard(opened, shard, rows, gone, folder, new, fingerprint) for shard in manifest.shards]
    others = [record.path for record in manifest.files if record.path in COPIED]
    for name in others:
        shutil.copyfile(folder / name, new / name)
    write_run(new, {"fingerprint": fingerprint, "engine": "takedown", "spent": total(folder)})
    lost = len({row.source_id for row in rows} - {row.source_id for row in rows if row.key not in gone})
    update: dict[str, Any] = {
        "fingerprint": fingerprint,
        "counts": merge_counts(one.counts for one in stats),
        "shards": tuple(one.record() for one in stats),
        "sources": manifest.sources.model_copy(update={"count": manifest.sources.count - lost}),
    }
    write_dataset_files(new, manifest.model_copy(update=update), others=others)


def _shard(
    opened: Dataset,
    shard: ShardRecord,
    rows: list[SampleRow],
    gone: set[str],
    folder: Path,
    new: Path,
    fingerprint: str,
) -> ShardStats:
    facts = facts_of(opened.manifest, shard, fingerprint)
    mine = [row for row in rows if (row.split, row.shard) == (shard.split, shard.number)]
    left = [row for row in mine if row.key not in gone]
    if len(left) == len(mine):
        placed = place_shard(read_stats(folder / stats_name(shard.path)), opened.store, new, facts)
        if placed is None:
            raise CorruptDatasetError(f"{shard.path} or its rows are damaged", where=opened.store.root)
        return placed
    return write_shard(new, (_built(opened, row) for row in left), **facts)


def _built(opened: Dataset, row: SampleRow) -> Built:
    return row, opened[row.key].members if row.status == "ok" else {}
