"""Building into an object store: a folder of this machine is where things are made, and finished ones go up.

A shard goes up as its tar, its rows, and last the stats file that says that it is done; a dataset's manifest goes up
when everything else was found there. Whoever goes on asks the store what is there, and neither builds nor fetches it.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from editmill.manifests.atomic import atomic_write
from editmill.manifests.card import names_shards
from editmill.manifests.errors import CorruptDatasetError, DataError, OccupiedError, RequestError
from editmill.manifests.guard_report import GUARD_REPORT
from editmill.manifests.locks import LOCK_SUFFIX, take
from editmill.manifests.manifest import MANIFEST, README, RUN, dataset_records, load_manifest
from editmill.manifests.records import Manifest
from editmill.manifests.remote import RemoteFolder, record_of
from editmill.manifests.stats import STATS_SUFFIX, ShardStats, parse_stats, read_stats, stats_name
from editmill.manifests.urls import is_url, refused, spelled
from editmill.pipelines.sources.remembered import cache_folder
from editmill.pipelines.workspace import evidence, read_run, refuse_others

# Written before anything is made, and taken away again.
PROBE = "write-test.json"
# Beside the files of an upload that is not over: what they are.
UPLOADING = "uploading.json"
# Files that are uploaded at the same time.
TOGETHER = 8

logger = logging.getLogger("editmill.build")


def scratch_folder(url: str, scratch: Path | None) -> Path:
    """Return where a dataset for a URL is made: the same folder whenever the same build goes on.

    Args:
        url: Of the dataset.
        scratch: The folder that holds such folders; None for one in the user's cache.
    """
    return (scratch or cache_folder() / "scratch") / hashlib.sha256(spelled(url).encode()).hexdigest()[:16]


def check_reached(out: Path | str) -> None:
    """Ask the store that a dataset goes to for it, so that a wrong address is told before anything is planned."""
    if is_url(out):
        remote = RemoteFolder(out)
        with told(remote):
            remote.found(RUN)


def enter(remote: RemoteFolder, out: Path) -> None:
    """Bring into the folder ``out`` what a build has to know that was begun elsewhere."""
    with told(remote):
        found = {path: remote.found(path) for path in (RUN, GUARD_REPORT)}
    out.mkdir(parents=True, exist_ok=True)
    for path, data in found.items():
        if data is not None:
            atomic_write(out / path, data)


def check_writable(remote: RemoteFolder, folder: Path) -> None:
    """Make sure that a store can be written to, before anything is made; nothing is left there.

    Args:
        remote: The store's folder.
        folder: One of this machine, where the file is made that goes there and is deleted.

    Raises:
        RequestError: It can't be.
    """
    with told(remote):
        atomic_write(folder / PROBE, b"{}")
        remote.put(folder / PROBE, record_of(folder, PROBE))
        remote.remove(PROBE)
        (folder / PROBE).unlink()


@contextmanager
def lent(remote: RemoteFolder, scratch: Path | None) -> Iterator[Path]:
    """Lend an empty folder of this machine in which something for a store is made at once; it is deleted at the end.

    Args:
        remote: The store's folder.
        scratch: The folder that holds such folders; None for one in the user's cache.
    """
    folder = scratch_folder(remote.root, scratch).with_suffix(".once")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with take(folder.with_name(f".{folder.name}{LOCK_SUFFIX}"), remote.root):
        # Of one that was killed.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def told(remote: RemoteFolder) -> Iterator[None]:
    """Take a store that can't be reached for a wrong address, while nothing has been made."""
    try:
        yield
    except FileNotFoundError as error:
        # A bucket that is not there.
        raise refused(remote.root, error) from error
    except OSError as error:
        fix = "check the address and the network"
        raise RequestError(error.strerror or str(error), where=remote.root, fix=fix) from error


def claim_remote(remote: RemoteFolder, out: Path, fingerprint: str) -> bool:
    """Take a store's folder for a build whose own folder ``out`` is taken already, or see that it is complete.

    Raises:
        OccupiedError: It holds something else.
        RequestError: It can't be written to, which is told before anything is made.
    """
    with told(remote):
        names, run = remote.names(), remote.found(RUN)
        found = (None if run is None else read_run(run)[0]) or evidence(remote, names)
        refuse_others((name.partition("/")[0] for name in names), remote.root, found, fingerprint)
        if MANIFEST in names and _intact(remote):
            return True
        remote.put(out / RUN, record_of(out, RUN))
    return False


def share_report(remote: RemoteFolder, out: Path) -> None:
    """Let builds that go on elsewhere have the limits of the guards."""
    remote.put(out / GUARD_REPORT, record_of(out, GUARD_REPORT))


def _intact(remote: RemoteFolder) -> bool:
    """Return whether a finished dataset's objects are those of its manifest; remove those that are not."""
    try:
        manifest = load_manifest(remote)
        damaged = _missing(remote, manifest)
    except CorruptDatasetError as error:
        logger.warning("%s: mending %s: %s", remote.root, MANIFEST, error.what)
        damaged = [MANIFEST]
    for path in [MANIFEST, *damaged] if damaged else []:
        logger.warning("%s: mending %s", remote.root, path)
        remote.remove(path)
    return not damaged


def _missing(remote: RemoteFolder, manifest: Manifest) -> list[str]:
    """Return the paths of a dataset's files that the store does not hold as they are; people write on the card."""
    return [one.path for one in dataset_records(manifest) if one.path != README and not remote.holds(one)]


def uploaded_shard(remote: RemoteFolder, out: Path, path: str, fingerprint: str) -> ShardStats | None:
    """Return the stats of a shard that is in the store, whole, with its rows and stats in ``out``; else None.

    Args:
        remote: The store's folder.
        out: The folder of this machine.
        path: Of the shard's tar.
        fingerprint: That it has to have.
    """
    data = remote.found(stats_name(path))
    if data is None:
        return None
    try:
        stats = parse_stats(data, where=f"{remote.root}/{stats_name(path)}")
        if stats.fingerprint != fingerprint or not all(map(remote.holds, (stats.tar, stats.rows))):
            return None
        remote.get(stats.rows, out / stats.rows.path)
    except (CorruptDatasetError, FileNotFoundError) as error:
        logger.warning("%s: building %s again: %s", remote.root, path, error)
        return None
    atomic_write(out / stats_name(path), data)
    return stats


def upload_shard(remote: RemoteFolder, out: Path, stats: ShardStats) -> None:
    """Put a finished shard into the store, its stats last, and delete its tar here.

    Raises:
        RequestError: The store refuses it.
        OSError: It fails.
    """
    for record in (stats.tar, stats.rows, record_of(out, stats_name(stats.tar.path))):
        remote.put(out / record.path, record)
    (out / stats.tar.path).unlink()


def complete_remote(remote: RemoteFolder, out: Path, manifest: Manifest) -> None:
    """Put the files of an assembled dataset into the store, and last its manifest.

    Raises:
        DataError: Something is missing there.
        RequestError, OSError: As `upload_shard`.
    """
    for record in manifest.files:
        card = remote.found(README) if record.path == README else None
        edited = card is not None and names_shards(card, manifest)
        if not edited and not record.path.endswith(STATS_SUFFIX):
            remote.put(out / record.path, record)
    if missing := _missing(remote, manifest):
        what = f"{missing[0]} is not in the store, or is another object than was uploaded"
        raise DataError(what, where=remote.root, fix="run `editmill build` with the same arguments")
    remote.put(out / RUN, record_of(out, RUN))
    remote.create(out / MANIFEST, record_of(out, MANIFEST))


def upload_dataset(remote: RemoteFolder, folder: Path, manifest: Manifest) -> None:
    """Put a dataset that was made at once into the store: shard by shard, and its manifest last.

    Raises:
        RequestError, OSError, DataError: As `upload_shard` and `complete_remote`.
    """
    for shard in manifest.shards:
        upload_shard(remote, folder, read_stats(folder / stats_name(shard.path)))
    complete_remote(remote, folder, manifest)


def check_vacant(remote: RemoteFolder, what: bytes) -> None:
    """Make sure that a store's folder holds nothing, or what an upload of the same that was stopped has put there.

    Args:
        remote: The store's folder.
        what: As for `upload_files`.

    Raises:
        OccupiedError: It holds something else.
    """
    with told(remote):
        there = set(remote.names()) - {UPLOADING}
        if there and remote.found(UPLOADING) != what:
            said = f"the target holds {min(there)}, and no upload of this export was stopped there"
            raise OccupiedError(said, where=remote.root, fix="name another folder, or delete this one")


def upload_files(remote: RemoteFolder, folder: Path, what: bytes) -> None:
    """Put all files of a folder into the store, but those that an earlier try has put there.

    Args:
        remote: The store's folder.
        folder: The folder of this machine.
        what: Says what the files are; it is in the store until all of them are.

    Raises:
        OccupiedError: The store's folder holds something else.
        RequestError, OSError: As `upload_shard`.
    """
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    records = {path: record_of(folder, path) for path in sorted(paths)}
    # After `check_vacant`, since writing the files took a while; and what is there already is told by its digest.
    there = set(remote.names()) - {UPLOADING}
    for name in sorted(there):
        if name not in records or not remote.holds(records[name], read=True):
            said = f"the target holds {name}, which is not of this export"
            raise OccupiedError(said, where=remote.root, fix="name another folder, or delete this one")
    atomic_write(folder / UPLOADING, what)
    remote.put(folder / UPLOADING, record_of(folder, UPLOADING))
    left = [record for path, record in records.items() if path not in there]
    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(lambda record: remote.put(folder / record.path, record), left))
    remote.remove(UPLOADING)


def clear(out: Path) -> None:
    """Delete what was made, but not how the run went and the locks of those who may wait."""
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != RUN and not path.name.endswith(LOCK_SUFFIX):
            path.unlink(missing_ok=True)
