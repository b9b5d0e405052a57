"""A folder of pictures without labels or captions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from editmill.generators.base.loaded import LoadedPicture
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.reading import image_facts, listed_record, read_image
from editmill.pipelines.sources.table import distinct

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


class ImagesSpec(Spec):
    """Every picture below a folder.

    Attributes:
        root: The folder.
        licence: Terms of the pictures, recorded with every sample.
    """

    kind: Literal["images"] = "images"
    root: Path
    licence: str = ""


class ImagesSource(Source[LoadedPicture]):
    """Pictures in the order of their paths, named by their paths without suffix."""

    name = "images"
    spec_type = ImagesSpec
    shorthand = "images:FOLDER"
    provides = "pictures"

    def __init__(self, spec: ImagesSpec) -> None:
        self.spec, self.licence = spec, spec.licence

    def records(self) -> Iterator[SourceRecord]:
        paths = self._paths()
        for identity, path in zip(distinct(path.with_suffix("").as_posix() for path in paths), paths, strict=True):
            yield listed_record(
                partial(image_facts, self.spec.root / path, path.as_posix()),
                id=identity,
                image=path.as_posix(),
                licence=self.licence,
            )

    def _paths(self) -> list[Path]:
        """Return the pictures' paths below the root, sorted."""
        root = self.spec.root
        if not root.is_dir():
            raise SourceError("no such folder", where=str(root), fix="pass --source images:FOLDER")
        files = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not files:
            what = f"the folder holds no pictures ({', '.join(SUFFIXES)})"
            raise SourceError(what, where=str(root), fix="pass the folder that holds them")
        return [path.relative_to(root) for path in files]

    def load(self, record: SourceRecord) -> LoadedPicture:
        return LoadedPicture(record, read_image(self.spec.root / record.image, record))
