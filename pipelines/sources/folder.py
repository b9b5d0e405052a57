"""A folder of photographs with masks, described by a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from editmill.generators.base import LoadedSource
from editmill.manifests.canonical import file_digest
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.base import SourceProblem, check_mask, image_facts, read_image, read_mask
from editmill.pipelines.sources.table import IMAGENET_COLUMN, Row, class_name, identities, read_table

# The column says that labels are ImageNet's, which classifiers of its thousand classes then know without a wnid.
IMAGENET = {IMAGENET_COLUMN: {"labels": "imagenet-1k"}}
COLUMNS_FIX = (
    "the file needs the columns file, mask and imagenet_index (or label_index); or name yours with --set "
    "source.label_column=…; "
    "`editmill masks` makes masks where there are none"
)


class FolderSpec(BaseModel):
    """A CSV file with one row per photograph; paths in it are relative to the file.

    Attributes:
        labels: The CSV file.
        image_column, mask_column: Columns with the paths.
        label_column: Column with the class index; empty for the first of imagenet_index, label_index, index, label.
        licence: Terms of the photographs, recorded with every sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["folder"] = "folder"
    labels: Path
    image_column: str = "file"
    mask_column: str = "mask"
    label_column: str = ""
    licence: str = ""


class FolderSource:
    """Reads photographs and masks in place; where a mask comes from stands in the attribute ``mask_source``."""

    name = "folder"

    def __init__(self, spec: FolderSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        self.table = read_table(spec.labels)
        self.label_column = self.table.label_column(spec.label_column)
        for column in (spec.image_column, spec.mask_column):
            self.table.require(column in self.table.columns, f"column {column!r} is missing", COLUMNS_FIX)
        self.table.require(bool(self.table.rows), "the file has no rows", COLUMNS_FIX)

    def records(self) -> Iterator[SourceRecord]:
        references = [row[self.spec.image_column] or "" for row in self.table.rows]
        for identity, reference, row in zip(identities(references), references, self.table.rows, strict=True):
            yield self._record(identity, reference, row)

    def _record(self, identity: str, reference: str, row: Row) -> SourceRecord:
        common: dict[str, Any] = {
            "id": identity,
            "image": reference,
            "mask": row[self.spec.mask_column] or "",
            "label": int(row[self.label_column]),
            "class_name": class_name(row) or row[self.label_column],
            "wnid": row.get("wnid") or "",
            "licence": self.licence,
            "attributes": {"mask_source": row.get("mask_source") or "given", **IMAGENET.get(self.label_column, {})},
        }
        mask = self._path(common["mask"])
        try:
            width, height, digest = image_facts(self._path(reference))
        except SourceProblem as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        facts = {
            **common,
            "width": width,
            "height": height,
            "sha256": digest,
            "mask_sha256": file_digest(mask) if mask.is_file() else "",
        }
        try:
            check_mask((height, width), read_mask(mask), common["mask"])
        except SourceProblem as problem:
            return SourceRecord(**facts, problem=problem.reason)
        return SourceRecord(**facts)

    def load(self, record: SourceRecord) -> LoadedSource:
        image, mask = read_image(self._path(record.image)), read_mask(self._path(record.mask))
        check_mask(image.shape[:2], mask, record.mask)
        return LoadedSource(record, image, mask)

    def _path(self, reference: str) -> Path:
        return self.spec.labels.parent / reference
