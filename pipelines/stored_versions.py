"""Versions of a dataset in an object store: the current one is fetched, refreshed here, and its successor goes up.

The folder of this machine keeps what it has fetched, so that the next refresh fetches what is new.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from editmill.manifests.atomic import atomic_write
from editmill.manifests.manifest import MANIFEST, dataset_records, load_manifest, read_manifest
from editmill.manifests.records import FileRecord, Manifest
from editmill.manifests.remote import RemoteFolder, record_of
from editmill.manifests.stats import STATS_SUFFIX
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import (
    CURRENT,
    VERSIONS,
    check_version,
    current_bytes,
    no_versions,
    read_current,
    version_folder,
    version_numbers,
    versions_of,
)
from editmill.pipelines.takedown import FORGOTTEN
from editmill.pipelines.uploads import complete_remote, told

# Written before anything is made, and taken away again.
PROBE = "write-test.json"
STATE = "state"


def fetch_versions(remote: RemoteFolder, root: Path, *, write: bool = True) -> None:
    """Bring the current version into the folder ``root``, and what is known of the others.

    Args:
        remote: The store's folder of versions.
        root: That of this machine.
        write: Whether to make sure first that the store can be written to.

    Raises:
        RequestError: The store can't be read or written to.
        CorruptDatasetError: The current version is damaged there.
    """
    root.mkdir(parents=True, exist_ok=True)
    with told(remote):
        if write:
            atomic_write(root / PROBE, b"{}")
            remote.put(root / PROBE, record_of(root, PROBE))
            remote.remove(PROBE)
        names = remote.names()
    if MANIFEST in names:
        raise no_versions(remote.root, load_manifest(remote).version)
    (root / CURRENT).unlink(missing_ok=True)
    for name in names:
        place, _, file = name.rpartition("/")
        known = name in (CURRENT, FORGOTTEN) or place == STATE or (name.startswith(VERSIONS) and file == MANIFEST)
        if known and (data := remote.found(name)) is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            atomic_write(root / name, data)
    current = read_current(root)
    if current is not None:
        there, here = _version(remote, current.version), version_folder(root, current.version)
        for record in dataset_records(load_manifest(there)):
            there.get(record, here / record.path)


def publish_versions(remote: RemoteFolder, root: Path, before: str | None) -> None:
    """Put the current version of ``root`` into the store, and last the file that makes it current there.

    Args:
        remote: The store's folder of versions.
        root: That of this machine.
        before: The version before it, whose equal objects are copied by the store itself; None for none.
    """
    current = read_current(root)
    assert current is not None
    there, here = _version(remote, current.version), version_folder(root, current.version)
    if there.found(MANIFEST) is None:
        manifest = read_manifest(here)
        old = set() if before is None else set(_shard_records(read_manifest(version_folder(root, before))))
        for record in _shard_records(manifest):
            if record not in old or not there.copy(f"{remote.root}/{VERSIONS}/{before}/{record.path}", record):
                there.put(here / record.path, record)
        complete_remote(there, here, manifest)
    for path in (f"{STATE}/{current.version}.json", CURRENT):
        remote.put(root / path, record_of(root, path))
    _prune(remote, root)


def roll_back_stored(remote: RemoteFolder, version: str) -> None:
    """Make an earlier version in an object store the current one again.

    Raises:
        RequestError: There is no such version, or the store refuses it.
        DataError: It is damaged.
    """
    with told(remote):
        paths = (name.split("/") for name in remote.names() if name.endswith(f"/{MANIFEST}"))
    there = sorted((path[1] for path in paths if path[0] == VERSIONS and len(path) == 3), key=version_numbers)
    check_version(version, there, remote.root)
    verify_dataset(_version(remote, version).root).raise_for_problems()
    with TemporaryDirectory() as folder:
        data = current_bytes(version, remote.read(f"{VERSIONS}/{version}/{MANIFEST}"))
        (Path(folder) / CURRENT).write_bytes(data)
        remote.put(Path(folder) / CURRENT, record_of(Path(folder), CURRENT))


def _version(remote: RemoteFolder, version: str) -> RemoteFolder:
    return RemoteFolder(f"{remote.root}/{VERSIONS}/{version}")


def _shard_records(manifest: Manifest) -> list[FileRecord]:
    """Return the files of shards, of which those of two versions may be equal; stats last."""
    files = [record for shard in manifest.shards for record in (shard, shard.rows)]
    return [*files, *(record for record in manifest.files if record.path.endswith(STATS_SUFFIX))]


def _prune(remote: RemoteFolder, root: Path) -> None:
    """Delete the versions that are gone here, each with its manifest first."""
    kept = {*versions_of(root)}
    gone = [name for name in remote.names() if name.startswith(f"{VERSIONS}/") and name.split("/")[1] not in kept]
    for name in sorted(gone, key=lambda name: not name.endswith(f"/{MANIFEST}")):
        remote.remove(name)
