"""A folder of pictures without labels or captions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from editmill.generators.base import Array
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.base import SourceProblem, image_facts, read_image
from editmill.pipelines.sources.table import distinct

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


class ImagesSpec(BaseModel):
    """Every picture below a folder.

    Attributes:
        root: The folder.
        licence: Terms of the pictures, recorded with every sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["images"] = "images"
    root: Path
    licence: str = ""


class ImagesSource:
    """Pictures in the order of their paths, named by their paths without suffix."""

    name = "images"

    def __init__(self, spec: ImagesSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        if not spec.root.is_dir():
            raise SourceError("no such folder", where=str(spec.root), fix="pass --source images:FOLDER")
        self.files = sorted(path for path in spec.root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not self.files:
            raise SourceError(
                f"the folder holds no pictures ({', '.join(SUFFIXES)})",
                where=str(spec.root),
                fix="pass the folder that holds them",
            )

    def records(self) -> Iterator[SourceRecord]:
        paths = [path.relative_to(self.spec.root) for path in self.files]
        for identity, path in zip(distinct(path.with_suffix("").as_posix() for path in paths), paths, strict=True):
            try:
                width, height, digest = image_facts(self.spec.root / path)
                problem = ""
            except SourceProblem as found:
                width, height, digest, problem = 0, 0, "", str(found.reason)
            yield SourceRecord(
                id=identity,
                image=path.as_posix(),
                label=-1,
                class_name="",
                width=width,
                height=height,
                sha256=digest,
                licence=self.licence,
                problem=problem,
            )

    def picture(self, record: SourceRecord) -> Array:
        """Decode a record's picture, uint8 [H, W, 3] RGB.

        Raises:
            SourceProblem: It can't be decoded.
        """
        return read_image(self.spec.root / record.image)
