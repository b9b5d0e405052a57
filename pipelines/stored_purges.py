"""Putting another dataset in the place of a version in an object store, which knows no renaming.

The new one goes up beside the old one, whole. Then the old one loses its manifest, the store copies what differs, and
the manifest comes last. Whoever comes after one that was stopped finishes it: nothing of another machine is needed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from editmill.manifests.errors import DataError
from editmill.manifests.manifest import MANIFEST, RUN, dataset_records, load_manifest, read_manifest
from editmill.manifests.records import FileRecord
from editmill.manifests.remote import RemoteFolder, record_of
from editmill.manifests.versions import CURRENT, VERSIONS, current_bytes, is_version, parse_current
from editmill.pipelines.takedown import PURGED


def stored_version(remote: RemoteFolder, version: str) -> RemoteFolder:
    """Return the folder of a version."""
    return RemoteFolder(f"{remote.root}/{VERSIONS}/{version}")


def version_of(name: str) -> str:
    """Return the version that an object belongs to; "" for one of none, and for what is going to replace one."""
    place, _, rest = name.partition("/")
    version = rest.partition("/")[0]
    return version if place == VERSIONS and is_version(version) else ""


def make_current_stored(remote: RemoteFolder, version: str) -> None:
    """Let readers of a store's folder have a version from now on."""
    data = current_bytes(version, remote.read(f"{VERSIONS}/{version}/{MANIFEST}"))
    with TemporaryDirectory() as folder:
        (Path(folder) / CURRENT).write_bytes(data)
        remote.put(Path(folder) / CURRENT, record_of(Path(folder), CURRENT))


def replace_stored(remote: RemoteFolder, here: Path, version: str) -> None:
    """Put a dataset of this machine, the folder ``here``, in the place of a version in a store."""
    old, beside = load_manifest(stored_version(remote, version)), _beside(remote, version)
    equal = set(dataset_records(old))
    for record in dataset_records(read_manifest(here)):
        if record not in equal:
            beside.put(here / record.path, record)
    for path in (RUN, MANIFEST):
        beside.put(here / path, record_of(here, path))
    _switch(remote, version)


def mend_stored(remote: RemoteFolder) -> None:
    """Finish replacements that were stopped; those that were not yet whole beside are left out."""
    for version in sorted({name.split("/")[1] for name in remote.names() if name.startswith(f"{VERSIONS}/.")}):
        version = version[1:].removesuffix(PURGED)
        if _beside(remote, version).found(MANIFEST) is None:
            _remove_beside(remote, version)
        else:
            _switch(remote, version)


def _beside(remote: RemoteFolder, version: str) -> RemoteFolder:
    return stored_version(remote, f".{version}{PURGED}")


def _switch(remote: RemoteFolder, version: str) -> None:
    """Let what is beside a version take its place; may be repeated."""
    there, beside = stored_version(remote, version), _beside(remote, version)
    manifest, current = load_manifest(beside), remote.found(CURRENT)
    there.remove(MANIFEST)
    for record in [*dataset_records(manifest), _record(beside, RUN), _record(beside, MANIFEST)]:
        if not there.holds(record, read=True) and not there.copy(f"{beside.root}/{record.path}", record):
            raise DataError(f"{record.path} could not be copied", where=there.root, fix="run the same command again")
    if current is not None and parse_current(current, remote.root).version == version:
        make_current_stored(remote, version)
    _remove_beside(remote, version)


def _record(folder: RemoteFolder, path: str) -> FileRecord:
    data = folder.read(path)
    return FileRecord(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _remove_beside(remote: RemoteFolder, version: str) -> None:
    """Delete what is beside a version, its manifest first, without which nothing of it counts."""
    beside = _beside(remote, version)
    for name in sorted(beside.names(), key=lambda name: name != MANIFEST):
        beside.remove(name)
