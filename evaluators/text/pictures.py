"""The pictures of a dataset of captions, by their digests: in its shards, or in a folder beside it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from PIL import Image

from editmill.manifests import DataError, Dataset
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.pictures import MOST_BYTES, PictureError, upright_rgb
from editmill.manifests.records import PRIMARY_IMAGES


class Pictures:
    """RGB pictures by the digest of the source's file."""

    def __init__(self, dataset: Dataset, folder: Path | None) -> None:
        self.dataset = dataset
        accepted = dataset.select(status="ok").table.select(["source_sha256", "key"])
        # Any sample of a source will do: captions are edited, pictures are not.
        self.keys = {row["source_sha256"]: row["key"] for row in accepted.to_pylist()}
        self.stored = any(member in dataset.manifest.members for member in PRIMARY_IMAGES)
        self.files = {} if self.stored else _by_digest(folder)

    def get(self, digest: str) -> Image.Image:
        """Return the picture, upright as the sources of a build have it.

        Raises:
            DataError: It is missing or can't be decoded.
        """
        if self.stored:
            return self.dataset[self.keys[digest]].image()
        path = self.files.get(digest)
        if path is None:
            fix = "give the folder that holds the images that the dataset was made from"
            raise DataError(f"the image with sha256 {digest[:12]}… is not in the folder", where="--images", fix=fix)
        try:
            return Image.fromarray(upright_rgb(read_bytes(path, most=MOST_BYTES)))
        except (FileProblem, PictureError) as error:
            raise DataError(f"the image can't be decoded: {error}", where=str(path)) from error


def _by_digest(folder: Path | None) -> dict[str, Path]:
    if folder is None or not folder.is_dir():
        what = "the dataset names its images and does not hold them"
        raise DataError(what, where="--images", fix="give --images FOLDER with the images")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        # Folders, pipes, and files that may not be read or are too large are not among the images.
        with suppress(FileProblem):
            found[hashlib.sha256(read_bytes(path, most=MOST_BYTES)).hexdigest()] = path
    return found
