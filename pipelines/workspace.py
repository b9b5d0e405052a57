"""The output folder: whose it is, and what a run leaves in it besides the dataset."""

from __future__ import annotations

import errno
import logging
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from editmill.manifests.atomic import TEMPORARY_SUFFIX, atomic_write, remove_stale_temporaries
from editmill.manifests.errors import DataError, EditmillError, OccupiedError, RequestError
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.locks import LOCK_SUFFIX, Lock, occupied, others_in, take
from editmill.manifests.manifest import MANIFEST, RECIPE, RUN, load_manifest
from editmill.manifests.seals import check_seal, parse_object, sealed
from editmill.manifests.stats import STATS_SUFFIX, parse_stats
from editmill.manifests.store import Store
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import CURRENT

logger = logging.getLogger("editmill.build")
BUILD_LOCK = f".build{LOCK_SUFFIX}"


def lock_folder(out: Path, fingerprint: str, *, wait: bool) -> Lock:
    """Make ``out`` where it is missing, and lock it against other builds.

    Args:
        out: The folder.
        fingerprint: Of the build. A folder of another one is refused without waiting.
        wait: Whether to wait while another build holds it.

    Raises:
        OccupiedError: As `claim`; or another build holds it, and there is no waiting.
        RequestError: As `claim`.
    """
    with _told(out):
        out.mkdir(parents=True, exist_ok=True)
        _refuse_others_in(out, begun(out)[0], fingerprint)
        return take(out / BUILD_LOCK, str(out), wait=wait)


def claim(out: Path, fingerprint: str, shards: int | None = None) -> bool:
    """Take ``out``, which is locked, for a build; only a folder that holds a dataset of editmill is searched.

    Args:
        out: The folder.
        fingerprint: Of the build.
        shards: Their number, noted for whoever goes on with it.

    Returns:
        Whether the folder holds a manifest.

    Raises:
        OccupiedError: The folder holds another dataset, or files that are no dataset's.
        RequestError: The folder can't be made, read or written to.
    """
    with _told(out):
        out.mkdir(parents=True, exist_ok=True)
        run, _, problem = begun(out)
        if problem:
            logger.warning("%s: %s", out / RUN, problem)
        _refuse_others_in(out, run, fingerprint)
        remove_leftovers(out)
        # First of all files: without it a build that is stopped here would find the folder occupied.
        if run != fingerprint:
            write_run(out, {"fingerprint": fingerprint, "shards": shards})
    return (out / MANIFEST).exists()


def refuse_held(locks: Iterable[Path], out: Path) -> None:
    """Refuse work for which another process would have to be waited for.

    Raises:
        OccupiedError: Another process holds one of ``locks``.
    """
    held = others_in(out)
    for path in locks:
        if path in held:
            raise occupied(path, held[path], str(out))


def remove_leftovers(out: Path) -> None:
    """Delete locks and temporary files of dead processes; the latter only where no other process is at work."""
    # Its writers may be on a machine whose locks on files are not seen here.
    if not others_in(out):
        remove_stale_temporaries(out)


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """Tell what is wrong with the folder."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            why = "a file is where the folder, or one above it, should be"
        raise RequestError(
            f"the output folder can't be used: {why}", where=str(out), fix="choose another --out, or put that right"
        ) from error


def intact(out: Path) -> bool:
    """Check a finished dataset, and remove its damaged files, so that a build makes them again and keeps the others.

    Returns:
        Whether nothing was damaged.

    Raises:
        DataError: Something stands in the folder that a build would neither make nor may remove.
    """
    report = verify_dataset(out, progress=True)
    for remark in report.remarks:
        logger.warning("%s: %s", out, remark)
    if report.ok:
        return True
    damaged = list(dict.fromkeys(problem.path for problem in report.problems))
    odd = [path for path in damaged if path in report.stray or (out / path).is_dir()]
    if odd:
        what = f"{odd[0]} is no file of the dataset, but readers may take it for one"
        raise DataError(what, where=str(out), fix="move it away, then build again")
    for path in damaged:
        first = next(problem.what for problem in report.problems if problem.path == path)
        logger.warning("%s: mending %s: %s", out, path, first)
    # The manifest first: without it the dataset is not complete.
    for path in (MANIFEST, *damaged):
        (out / path).unlink(missing_ok=True)
    return False


def write_run(out: Path, facts: dict[str, Any]) -> None:
    """Write what differs between two identical builds: times, system, workers; no names of machines or folders."""
    atomic_write(out / RUN, sealed({"system": platform.platform(), **facts}))


def evidence(store: Store, names: Iterable[str]) -> str | None:
    """Return the fingerprint in the other files of a folder without an intact run file; None where none tells it.

    Args:
        store: The folder.
        names: Paths of files in it, of which stats are looked at.
    """
    try:
        return load_manifest(store).fingerprint
    except EditmillError:
        pass
    for path in sorted(names):
        if path.endswith(STATS_SUFFIX):
            with suppress(EditmillError, OSError):
                return parse_stats(store.read(path), where=path).fingerprint
    return None


def _refuse_others_in(out: Path, run: str | None, fingerprint: str) -> None:
    # Folders below those of splits are not searched.
    stats = (path.relative_to(out).as_posix() for path in out.glob(f"*/*{STATS_SUFFIX}"))
    found = run or evidence(Store(out), stats)
    refuse_others((path.name for path in out.iterdir()), str(out), found, fingerprint)


def begun(out: Path) -> tuple[str | None, int | None, str]:
    """Return the fingerprint and the number of shards in a run file, None where there is no intact one, and what is
    wrong with one.
    """
    try:
        return read_run(read_bytes(out / RUN))
    except FileProblem as problem:
        return None, None, "" if problem.errno == errno.ENOENT else str(problem)


def read_run(data: bytes) -> tuple[str | None, int | None, str]:
    """Return the same of a run file's bytes."""
    try:
        check_seal(data, where=RUN)
    except DataError as error:
        return None, None, error.what
    found = parse_object(data, where=RUN)
    fingerprint, shards = found.get("fingerprint"), found.get("shards")
    return fingerprint if isinstance(fingerprint, str) else None, shards if isinstance(shards, int) else None, ""


def refuse_others(names: Iterable[str], where: str, found: str | None, fingerprint: str) -> None:
    """Refuse a folder that holds anything but the dataset of a fingerprint.

    Args:
        names: Of what the folder holds.
        where: The folder, in messages.
        found: The fingerprint of what it holds; None where nothing tells it.
        fingerprint: Of the build.

    Raises:
        OccupiedError: It does.
    """
    names = list(names)
    if CURRENT in names:
        raise OccupiedError(
            "the output folder holds the versions of a dataset",
            where=where,
            fix="bring them up to date with `editmill refresh --root`, or choose another --out",
        )
    if found == fingerprint:
        return
    # A build that was refused before it made anything leaves nothing worth keeping.
    begun = (name for name in names if name not in (RUN, RECIPE))
    held = next((name for name in begun if not name.endswith((TEMPORARY_SUFFIX, LOCK_SUFFIX))), None)
    if held is None:
        return
    if found is not None:
        raise OccupiedError(
            "the output folder holds a dataset with another fingerprint (another recipe, source, model, device, "
            "precision or batch, or compiled networks)",
            where=f"{where} (there: {found[:12]}, asked for: {fingerprint[:12]})",
            fix="choose another --out, or delete the folder",
        )
    raise OccupiedError(
        f"the output folder is not empty ({held}) and holds no dataset of editmill",
        where=where,
        fix="choose another --out",
    )
