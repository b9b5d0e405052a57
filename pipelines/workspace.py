"""The output folder: whose it is, and what a run leaves in it besides the dataset."""

from __future__ import annotations

import errno
import logging
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from editmill.manifests.atomic import TEMPORARY_SUFFIX, atomic_write, remove_stale_temporaries
from editmill.manifests.errors import DataError, OccupiedError, RequestError
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.locks import LOCK_SUFFIX, Lock, occupied, others_in, take
from editmill.manifests.manifest import MANIFEST, RECIPE, RUN, read_manifest
from editmill.manifests.seals import check_seal, parse_object, sealed
from editmill.manifests.stats import read_stats
from editmill.manifests.verify import verify_dataset

logger = logging.getLogger("editmill.build")
BUILD_LOCK = f".build{LOCK_SUFFIX}"


def lock_folder(out: Path, fingerprint: str, *, wait: bool = True) -> Lock:
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
        _refuse_others(out, begun(out)[0] or _evidence(out), fingerprint)
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
        _refuse_others(out, run or _evidence(out), fingerprint)
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


def _evidence(out: Path) -> str | None:
    """Return the fingerprint in the other files of a folder without an intact run file; None where none tells it."""
    try:
        return read_manifest(out).fingerprint
    except DataError:
        pass
    for path in sorted(out.glob("*/*_stats.json")):
        try:
            return read_stats(path).fingerprint
        except (DataError, OSError):
            continue
    return None


def begun(out: Path) -> tuple[str | None, int | None, str]:
    """Return the fingerprint and the number of shards in a run file, None where there is no intact one, and what is
    wrong with one.
    """
    try:
        data = read_bytes(out / RUN)
        check_seal(data, where=RUN)
    except FileProblem as problem:
        return None, None, "" if problem.errno == errno.ENOENT else str(problem)
    except DataError as error:
        return None, None, error.what
    found = parse_object(data, where=RUN)
    fingerprint, shards = found.get("fingerprint"), found.get("shards")
    return fingerprint if isinstance(fingerprint, str) else None, shards if isinstance(shards, int) else None, ""


def _refuse_others(out: Path, found: str | None, fingerprint: str) -> None:
    if found == fingerprint:
        return
    # A build that was refused before it made anything leaves nothing worth keeping.
    begun = (path for path in out.iterdir() if path.name not in (RUN, RECIPE))
    held = next((path for path in begun if not path.name.endswith((TEMPORARY_SUFFIX, LOCK_SUFFIX))), None)
    if held is None:
        return
    if found is not None:
        raise OccupiedError(
            "the output folder holds a dataset with another fingerprint (another recipe, source, model, device, "
            "precision or batch)",
            where=f"{out} (there: {found[:12]}, asked for: {fingerprint[:12]})",
            fix="choose another --out, or delete the folder",
        )
    raise OccupiedError(
        f"the output folder is not empty ({held.name}) and holds no dataset of editmill",
        where=str(out),
        fix="choose another --out",
    )
