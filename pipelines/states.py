"""Beside the versions of a dataset: what each was made from, to tell causes, and the lock of those who change them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import DataError
from editmill.manifests.locks import LOCK_SUFFIX, Lock, take
from editmill.manifests.seals import parse_object

logger = logging.getLogger("editmill.refresh")

# The version that is being built, what each was made from, and removed backgrounds for the next one.
NEXT, STATE, BACKGROUNDS = "next", "state", "backgrounds"


def lock_versions(root: Path, *, wait: bool = True) -> Lock:
    """Keep others out who change a folder of versions, which is made where it is missing."""
    root.mkdir(parents=True, exist_ok=True)
    return take(root / f".refresh{LOCK_SUFFIX}", str(root), wait=wait)


def state_file(root: Path, version: str) -> Path:
    """Return the file that says what a version was made from."""
    return root / STATE / f"{version}.json"


def read_state(root: Path, version: str) -> dict[str, dict[str, str]]:
    """Return what a version was made from; nothing where that is not known, or its file is damaged."""
    path = state_file(root, version)
    if not path.exists():
        return {}
    try:
        found: dict[str, dict[str, str]] = parse_object(path.read_bytes(), where=str(path))
    except DataError as error:
        logger.warning("causes of changes are not told: %s", error)
        return {}
    return found


def forget_state(root: Path, version: str, sources: Collection[str]) -> None:
    """Take sources out of what is known of a version."""
    state = read_state(root, version)
    records = {name: one for name, one in state.get("records", {}).items() if name not in sources}
    state_file(root, version).parent.mkdir(exist_ok=True)
    atomic_write(state_file(root, version), canonical_json({**state, "records": records}))


def prune_backgrounds(root: Path, pictures: Iterable[str]) -> None:
    """Delete kept backgrounds but for the newest one of each source, whose pictures are given by sha256."""
    left = Counter(pictures)
    files = (path for path in (root / BACKGROUNDS).rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        # What a build that was killed has left is of no picture.
        picture = path.name.partition("-")[0]
        left[picture] -= 1
        if left[picture] < 0:
            path.unlink()
