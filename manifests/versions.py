"""A folder with all versions of a dataset, of which one is current.

``DIR/versions/2.1.0/`` is a dataset that is never changed; ``DIR/current.json`` names the one that readers of ``DIR``
get. Where the file system has symbolic links, ``DIR/current`` leads to it as well.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from editmill.manifests.atomic import TEMPORARY_SUFFIX, atomic_write
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import CorruptDatasetError, RequestError
from editmill.manifests.records import VERSION, Record, Sha256, Version
from editmill.manifests.store import Store
from editmill.manifests.wording import first_problem

CURRENT, VERSIONS, LINK = "current.json", "versions", "current"
# The same name as in manifest.py, which reads through here.
_MANIFEST = "manifest.json"


class Current(Record):
    """Which version is current, and the sha256 of its manifest's bytes."""

    version: Version
    manifest: Sha256


def current_manifest(store: Store) -> bytes | None:
    """Enter the current version of a folder of versions, and return its manifest's bytes; None where it is none.

    Raises:
        CorruptDatasetError: The version is absent, or its manifest is not the one that was made current; or none is.
    """
    try:
        data = store.read(CURRENT)
    except FileNotFoundError as error:
        if store.exists(VERSIONS):
            what = f"there are versions, but {CURRENT} is absent"
            raise CorruptDatasetError(what, where=store.root, fix="make one current by `editmill rollback`") from error
        return None
    current = parse_current(data, f"{store.root}/{CURRENT}")
    store.enter(f"{VERSIONS}/{current.version}")
    try:
        manifest = store.read(_MANIFEST)
    except FileNotFoundError as error:
        raise CorruptDatasetError("the current version is absent", where=store.root, fix=MEND_VERSION) from error
    if hashlib.sha256(manifest).hexdigest() != current.manifest:
        what = "the manifest is not the one that was made current"
        raise CorruptDatasetError(what, where=store.root, fix=MEND_VERSION)
    return manifest


MEND_VERSION = (
    "run `editmill rollback` to a version that is whole, and delete the damaged one; if there is none, delete it and "
    "current.json, and refresh"
)


def read_current(root: Path) -> Current | None:
    """Return which version of a local folder is current; None where none is yet.

    Raises:
        CorruptDatasetError: The file is damaged.
    """
    path = root / CURRENT
    return parse_current(path.read_bytes(), str(path)) if path.exists() else None


def dataset_folder(root: Path) -> Path:
    """Return where the files of a local dataset are: of a folder of versions, the current one's."""
    current = None if (root / _MANIFEST).exists() else read_current(root)
    return root if current is None else version_folder(root, current.version)


def no_versions(where: str, version: str) -> RequestError:
    """Return the message about a folder that holds one dataset, of the given version."""
    fix = f"name another folder; to go on from this dataset, move it to {VERSIONS}/{version} there, and make it current"
    return RequestError(
        "the folder holds one dataset, not versions of one", where=where, fix=f"{fix} by `editmill rollback`"
    )


def version_folder(root: Path, version: str) -> Path:
    """Return the folder of a version."""
    return root / VERSIONS / version


def versions_of(root: Path) -> list[str]:
    """Return the versions in a folder, the oldest first."""
    found = [path.parent.name for path in (root / VERSIONS).glob(f"*/{_MANIFEST}")]
    return sorted(filter(is_version, found), key=version_numbers)


def is_version(name: str) -> bool:
    """Return whether a folder's name is that of a version."""
    return re.fullmatch(VERSION, name) is not None


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the three numbers of a version."""
    return tuple(int(number) for number in version.split("."))


def make_current(root: Path, version: str) -> None:
    """Let readers of ``root`` have a version from now on.

    Raises:
        RequestError: There is no such version.
    """
    check_version(version, versions_of(root), str(root))
    atomic_write(root / CURRENT, current_bytes(version, (version_folder(root, version) / _MANIFEST).read_bytes()))
    link = root / f".{LINK}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
    with suppress(OSError):
        link.symlink_to(Path(VERSIONS) / version, target_is_directory=True)
        os.replace(link, root / LINK)


def check_version(version: str, there: Sequence[str], where: str) -> None:
    """Raise a `RequestError` unless a version is one of those that are there."""
    if version not in there:
        fix = f"name one of: {', '.join(there) or 'none'}"
        raise RequestError(f"there is no version {version}", where=where, fix=fix)


def current_bytes(version: str, manifest: bytes) -> bytes:
    """Return the content of the file that makes a version current, whose manifest's bytes are given."""
    current = Current(version=version, manifest=hashlib.sha256(manifest).hexdigest())
    return canonical_json(current) + b"\n"


def parse_current(data: bytes, where: str) -> Current:
    """Return what the file that makes a version current says.

    Raises:
        CorruptDatasetError: It is damaged.
    """
    try:
        return Current.model_validate_json(data)
    except ValidationError as error:
        raise CorruptDatasetError(f"damaged: {first_problem(error)}", where=where, fix=MEND_VERSION) from error
