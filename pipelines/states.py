"""Beside the versions of a dataset: what each was made from, to tell causes, and the lock of those who change them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.locks import LOCK_SUFFIX, Lock, take
from editmill.manifests.versions import MEND_VERSION
from editmill.manifests.wording import first_problem

logger = logging.getLogger("editmill.refresh")

# The version that is being built, what each was made from, and removed backgrounds for the next one.
NEXT, STATE, BACKGROUNDS = "next", "state", "backgrounds"
NAME_WHOLE = "name a version that is whole, or get the files of this one again"
_STATE = TypeAdapter(dict[str, dict[str, str]])


def lock_versions(root: Path, *, wait: bool = True) -> Lock:
    """Keep others out who change a folder of versions, which is made where it is missing."""
    root.mkdir(parents=True, exist_ok=True)
    return take(root / f".refresh{LOCK_SUFFIX}", str(root), wait=wait)


@contextmanager
def whole_version() -> Iterator[None]:
    """Say of damage how a version is replaced, since no build mends one."""
    try:
        yield
    except CorruptDatasetError as error:
        raise CorruptDatasetError(error.what, where=error.where, fix=MEND_VERSION) from error


def state_file(root: Path, version: str) -> Path:
    """Return the file that says what a version was made from."""
    return root / STATE / f"{version}.json"


def read_state(root: Path, version: str) -> dict[str, dict[str, str]]:
    """Return what a version was made from; nothing where that is not known, or its file is damaged."""
    path = state_file(root, version)
    if not path.exists():
        return {}
    try:
        return _STATE.validate_json(path.read_bytes())
    except ValidationError as error:
        logger.warning("%s is damaged, so causes of changes are not told: %s", path, first_problem(error))
        return {}


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
