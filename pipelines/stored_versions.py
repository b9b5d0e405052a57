"""Versions of a dataset in an object store: the current one is fetched, refreshed here, and its successor goes up.

The folder of this machine keeps what it has fetched, so that the next refresh fetches what is new.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from functools import partial
from pathlib import Path

from editmill.manifests.atomic import atomic_write
from editmill.manifests.manifest import MANIFEST, RUN, SAMPLES, dataset_records, load_manifest, read_manifest
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import FileRecord, Manifest
from editmill.manifests.remote import RemoteFolder, record_of
from editmill.manifests.stats import STATS_SUFFIX
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import (
    CURRENT,
    VERSIONS,
    check_version,
    no_versions,
    read_current,
    version_folder,
    version_numbers,
    versions_of,
)
from editmill.pipelines.states import NAME_WHOLE, STATE, lock_versions
from editmill.pipelines.stored_purges import (
    make_current_stored,
    mend_stored,
    replace_stored,
    stored_version,
    version_of,
)
from editmill.pipelines.takedown import (
    FORGOTTEN,
    clear_away,
    note_forgotten,
    parse_forgotten,
    purge,
    purge_all,
    refuse_forgotten,
    refuse_strangers,
    shows_forgotten,
)
from editmill.pipelines.uploads import check_writable, complete_remote, told


def fetch_versions(remote: RemoteFolder, root: Path, *, write: bool = True) -> None:
    """Bring the current version into the folder ``root``, and what is known of the others.

    Args:
        remote: The store's folder of versions.
        root: That of this machine.
        write: Whether to make sure first that the store can be written to, and to finish a take-down that was stopped.

    Raises:
        RequestError: The store can't be read or written to.
        CorruptDatasetError: The current version is damaged there.
    """
    root.mkdir(parents=True, exist_ok=True)
    with told(remote):
        if write:
            check_writable(remote, root)
            mend_stored(remote)
        names = remote.names()
    if MANIFEST in names:
        raise no_versions(remote.root, load_manifest(remote).version)
    for path in (CURRENT, FORGOTTEN):
        (root / path).unlink(missing_ok=True)
    for name in names:
        place, _, file = name.rpartition("/")
        known = name in (CURRENT, FORGOTTEN) or place == STATE or (version_of(name) and file == MANIFEST)
        if known and (data := remote.found(name)) is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            atomic_write(root / name, data)
    current = read_current(root)
    if current is not None:
        _fetch(remote, root, current.version)


def publish_versions(remote: RemoteFolder, root: Path, before: str | None) -> None:
    """Put the current version of ``root`` into the store, and last the file that makes it current there.

    Args:
        remote: The store's folder of versions.
        root: That of this machine.
        before: The version before it, whose equal objects are copied by the store itself; None for none.
    """
    current = read_current(root)
    assert current is not None
    there, here = stored_version(remote, current.version), version_folder(root, current.version)
    if there.found(MANIFEST) is None:
        manifest = read_manifest(here)
        old = set() if before is None else set(_shard_records(read_manifest(version_folder(root, before))))
        for record in _shard_records(manifest):
            if record not in old or not there.copy(f"{remote.root}/{VERSIONS}/{before}/{record.path}", record):
                there.put(here / record.path, record)
        complete_remote(there, here, manifest)
    for path in (f"{STATE}/{current.version}.json", CURRENT):
        _put(remote, root, path)
    _prune(remote, root)


def roll_back_stored(remote: RemoteFolder, version: str) -> None:
    """Make an earlier version in an object store the current one again.

    Raises:
        RequestError: There is no such version, or the store refuses it.
        DataError: It is damaged.
    """
    with told(remote):
        mend_stored(remote)
        names = remote.names()
    there = sorted({version_of(name) for name in names if name.endswith(f"/{MANIFEST}")} - {""}, key=version_numbers)
    check_version(version, there, remote.root)
    verify_dataset(stored_version(remote, version).root).raise_for_problems(NAME_WHOLE)
    refuse_forgotten(open_dataset(stored_version(remote, version).root), parse_forgotten(remote.found(FORGOTTEN)))
    make_current_stored(remote, version)


def take_down_stored(remote: RemoteFolder, root: Path, sources: Collection[str]) -> dict[str, int]:
    """Purge sources from all versions in an object store; each is made without them in ``root``, one after the other.

    Args:
        remote: The store's folder of versions.
        root: That of this machine.
        sources: Their ids.

    Returns:
        The number of samples that each version lost.

    Raises:
        RequestError: No version shows one of them, the store can't be read or written to, or among the versions is
            something else.
        DataError: A version is damaged.
    """
    with lock_versions(root):
        clear_away(root)
        fetch_versions(remote, root)
        refuse_strangers((name for name in remote.names() if not version_of(name)), remote.root)
        _leave_stored(remote, root)
        note_forgotten(root, sources, where=remote.root)
        _put(remote, root, FORGOTTEN)
        try:
            return purge_all(versions_of(root), partial(_purge_stored, remote, root), where=remote.root)
        finally:
            # What a refresh that was stopped has left, of a version that is none yet or none any more.
            _prune(remote, root)
            current = read_current(root)
            for version in versions_of(root):
                # It may have been fetched before another machine purged it.
                if current is None or version != current.version:
                    shutil.rmtree(version_folder(root, version))


def _leave_stored(remote: RemoteFolder, root: Path) -> None:
    """Leave the versions here that the store has, each with its rows."""
    for version in versions_of(root):
        there = stored_version(remote, version)
        if there.found(MANIFEST) is None:
            shutil.rmtree(version_folder(root, version))
            continue
        _fetch(remote, root, version, only=SAMPLES)


def _purge_stored(remote: RemoteFolder, root: Path, version: str) -> int:
    if shows_forgotten(root, version):
        _fetch(remote, root, version)
    lost = purge(root, version)
    _put(remote, root, f"{STATE}/{version}.json")
    if lost:
        replace_stored(remote, version_folder(root, version), version)
    return lost


def _fetch(remote: RemoteFolder, root: Path, version: str, *, only: str = "") -> None:
    """Bring the files of a version here, or one of them, unless they are here."""
    there, here = stored_version(remote, version), version_folder(root, version)
    for record in dataset_records(load_manifest(there)):
        if record.path == only or not only:
            there.get(record, here / record.path)
    if not only and (run := there.found(RUN)) is not None:
        atomic_write(here / RUN, run)


def _put(remote: RemoteFolder, root: Path, path: str) -> None:
    remote.put(root / path, record_of(root, path))


def _shard_records(manifest: Manifest) -> list[FileRecord]:
    """Return the files of shards, of which those of two versions may be equal; stats last."""
    files = [record for shard in manifest.shards for record in (shard, shard.rows)]
    return [*files, *(record for record in manifest.files if record.path.endswith(STATS_SUFFIX))]


def _prune(remote: RemoteFolder, root: Path) -> None:
    """Delete the versions that are gone here, each with its manifest first."""
    kept = {*versions_of(root)}
    gone = [name for name in remote.names() if version_of(name) and version_of(name) not in kept]
    for name in sorted(gone, key=lambda name: not name.endswith(f"/{MANIFEST}")):
        remote.remove(name)
