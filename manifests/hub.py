"""A finished dataset on the Hugging Face Hub: the files that its manifest vouches for, the card among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from editmill.manifests.errors import DataError, EditmillError, RequestError, first_line
from editmill.manifests.files import refuse_url
from editmill.manifests.manifest import MANIFEST, dataset_records, load_manifest
from editmill.manifests.records import Manifest
from editmill.manifests.store import Store
from editmill.manifests.verify import verify_store

if TYPE_CHECKING:
    from huggingface_hub import HfApi

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# The Hub makes it itself.
ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True)
class Parcel:
    """What of a verified dataset goes up.

    Attributes:
        folder: Of the dataset; of its current version where it has several.
        manifest: The dataset's.
        files: Bytes by path.
    """

    folder: Path
    manifest: Manifest
    files: dict[str, int]


def pack(root: str, *, progress: bool = False) -> Parcel:
    """Verify a dataset, and list its own files.

    ``run.json`` stays here: when and on what system a build ran is of no use to others.

    Raises:
        RequestError: ``root`` is no folder of this machine.
        CorruptDatasetError: The dataset is not finished, or not intact.
    """
    refuse_url(root, where="DATASET")
    store = Store(root)
    manifest = load_manifest(store)
    verify_store(store, progress=progress).raise_for_problems()
    folder = Path(store.root)
    # Those of the card and other prose may have been edited.
    return Parcel(folder, manifest, {path: (folder / path).stat().st_size for path in _paths(manifest)})


def _paths(manifest: Manifest) -> list[str]:
    """Return the files that a dataset is made of, the manifest among them."""
    return sorted([MANIFEST, *(record.path for record in dataset_records(manifest))])


def check_name(name: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        RequestError: It is none.
    """
    if REPOSITORY.fullmatch(name) is None:
        raise RequestError(f"{name!r} names no repository of the Hub", where="--to", fix="name ORGANISATION/NAME")


def send(parcel: Parcel, name: str, *, private: bool = False) -> str:
    """Put a dataset into a repository, which is made if it is not there; return its address.

    What is there already is not sent again, so a call that was cut off is resumed by another one. Files that an earlier
    version had and this one has not are removed; others are left alone.

    Args:
        parcel: What `pack` returned.
        name: Organisation or user, and name.
        private: Whether a new repository is private.

    Raises:
        RequestError: There is no token, it may not write there, or the repository holds something else.
        DataError: Not all of it arrived.
    """
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise RequestError("there is no token of the Hub", fix="set HF_TOKEN to a token that may write")
    api, manifest = HfApi(), parcel.manifest
    with _failures(name):
        address = api.create_repo(name, repo_type="dataset", private=private or None, exist_ok=True)
        earlier = _earlier(api, name, parcel)
        api.upload_folder(
            repo_id=name,
            repo_type="dataset",
            folder_path=parcel.folder,
            allow_patterns=[escape(path) for path in parcel.files],
            delete_patterns=[escape(path) for path in earlier],
            commit_message=f"{manifest.name} {manifest.version}",
        )
    return str(address)


def _earlier(api: HfApi, name: str, parcel: Parcel) -> list[str]:
    """Return the files of an earlier version that are in a repository and not in this one.

    Raises:
        RequestError: The repository holds neither an earlier version nor a part of this one alone.
    """
    there = set(api.list_repo_files(name, repo_type="dataset")) - {ATTRIBUTES}
    others = sorted(there - parcel.files.keys())
    manifest = load_manifest(Store(f"hf://datasets/{name}")) if others and MANIFEST in there else None
    if manifest is not None and manifest.name == parcel.manifest.name:
        return sorted(set(_paths(manifest)).intersection(others))
    if others:
        what = f"the repository {name} holds something else, such as {others[0]}"
        raise RequestError(what, where="--to", fix="name another repository; a new one is made")
    return []


@contextmanager
def _failures(name: str) -> Iterator[None]:
    """Say what went wrong on the way to the Hub."""
    try:
        yield
    except EditmillError:
        raise
    # Clients raise errors of their own, of HTTP and of what lies below, and wrap some in errors of Python.
    except Exception as error:
        cause = error.__cause__ or error
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 403):
            fix = "set HF_TOKEN to a token that may write there"
            raise RequestError(f"the Hub refuses {name}: {first_line(cause)}", where="--to", fix=fix) from error
        fix = "run the same command again; what has arrived is not sent again"
        raise DataError(f"not all of the dataset arrived: {first_line(cause)}", where=name, fix=fix) from error
