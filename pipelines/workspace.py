"""The output folder: whose it is, and what a run leaves in it besides the dataset."""

from __future__ import annotations

import errno
import logging
import platform
from pathlib import Path
from typing import Any

from editmill.manifests.atomic import TEMPORARY_SUFFIX, atomic_write, remove_stale_temporaries
from editmill.manifests.errors import DataError, OccupiedError, RequestError
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.manifest import MANIFEST, RECIPE, RUN, read_manifest
from editmill.manifests.seals import check_seal, parse_object, sealed
from editmill.manifests.stats import read_stats
from editmill.manifests.verify import verify_dataset

logger = logging.getLogger("editmill.build")


def claim(out: Path, fingerprint: str) -> bool:
    """Take ``out`` for a build; only a folder that holds a dataset of editmill is searched.

    Returns:
        Whether the folder holds a manifest.

    Raises:
        OccupiedError: The folder holds another dataset, or files that are no dataset's.
        RequestError: The folder can't be made, read or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        run = _read_run(out)
        _refuse_others(out, _evidence(out) if run is None else run, fingerprint)
        remove_stale_temporaries(out)
        # First of all files: without it a build that is stopped here would find the folder occupied.
        if run != fingerprint:
            write_run(out, {"fingerprint": fingerprint})
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            why = "a file is where the folder, or one above it, should be"
        raise RequestError(
            f"the output folder can't be used: {why}", where=str(out), fix="choose another --out, or put that right"
        ) from error
    return (out / MANIFEST).exists()


def intact(out: Path) -> bool:
    """Check a finished dataset, and remove its damaged files, so that a build makes them again and keeps the others.

    Returns:
        Whether nothing was damaged.

    Raises:
        DataError: Something stands in the folder that a build would neither make nor may remove.
    """
    report = verify_dataset(out)
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


def _read_run(out: Path) -> str | None:
    """Return the fingerprint in a run file, None where there is no intact one."""
    try:
        data = read_bytes(out / RUN)
        check_seal(data, where=RUN)
    except (DataError, FileProblem) as error:
        if not (isinstance(error, FileProblem) and error.errno == errno.ENOENT):
            logger.warning("%s: %s", out / RUN, error.what if isinstance(error, DataError) else error)
        return None
    found = parse_object(data, where=RUN).get("fingerprint")
    return found if isinstance(found, str) else None


def _refuse_others(out: Path, found: str | None, fingerprint: str) -> None:
    if found == fingerprint:
        return
    # A build that was refused before it made anything leaves nothing worth keeping.
    begun = (path for path in out.iterdir() if path.name not in (RUN, RECIPE))
    held = next((path for path in begun if not path.name.endswith(TEMPORARY_SUFFIX)), None)
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
