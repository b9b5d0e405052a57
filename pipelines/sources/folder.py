"""A folder of photographs with masks, described by a CSV file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.reading import (
    check_mask,
    decode_mask,
    image_facts,
    problem_of,
    read_bytes,
    read_image,
    read_mask_bytes,
)
from editmill.pipelines.sources.table import IMAGENET_COLUMN, Row, class_name, identities, read_table

# The column says that labels are ImageNet's, which classifiers of its thousand classes then know without a wnid.
IMAGENET = {IMAGENET_COLUMN: {"labels": "imagenet-1k"}}
COLUMNS_FIX = (
    "the file needs the columns file, mask and imagenet_index (or label_index); or name yours with --set "
    "source.label_column=…; "
    "`editmill masks` makes masks where there are none"
)


class FolderSpec(Spec):
    """A CSV file with one row per photograph; paths in it are relative to the file.

    Attributes:
        labels: The CSV file.
        image_column, mask_column: Columns with the paths.
        label_column: Column with the class index; empty for the first of imagenet_index, label_index, index, label.
        licence: Terms of the photographs, recorded with every sample.
    """

    kind: Literal["folder"] = "folder"
    labels: Path
    image_column: str = "file"
    mask_column: str = "mask"
    label_column: str = ""
    licence: str = ""


class FolderSource(Source[LoadedSource]):
    """Reads photographs and masks in place; where a mask comes from is in the attribute ``mask_source``."""

    name = "folder"
    spec_type = FolderSpec
    shorthand = "folder:LABELS.csv"
    provides = "labelled"

    def __init__(self, spec: FolderSpec) -> None:
        self.spec, self.licence = spec, spec.licence

    def records(self) -> Iterator[SourceRecord]:
        table = read_table(self.spec.labels)
        labels = table.label_column(self.spec.label_column)
        for column in (self.spec.image_column, self.spec.mask_column):
            table.require(column in table.columns, f"column {column!r} is missing", COLUMNS_FIX)
        table.require(bool(table.rows), "the file has no rows", COLUMNS_FIX)
        # csv gives None for the cells that a short row lacks.
        references = [row[self.spec.image_column] or "" for row in table.rows]
        for identity, reference, row in zip(identities(references), references, table.rows, strict=True):
            yield self._record(identity, reference, row, labels)

    def _record(self, identity: str, reference: str, row: Row, labels: str) -> SourceRecord:
        common: dict[str, Any] = {
            "id": identity,
            "image": reference,
            "mask": row[self.spec.mask_column] or "",
            # label_column has found whole numbers in all rows.
            "label": int(row[labels]),
            "class_name": class_name(row) or row[labels],
            "wnid": row.get("wnid") or "",
            "licence": self.licence,
            "attributes": {"mask_source": row.get("mask_source") or "given", **IMAGENET.get(labels, {})},
        }
        mask = common["mask"]
        try:
            width, height, digest = image_facts(self._path(reference), reference)
        except Unusable as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", **problem_of(problem))
        facts = {**common, "width": width, "height": height, "sha256": digest}
        try:
            data = read_bytes(self._path(mask), mask, Reason.MASK_UNREADABLE)
            facts["mask_sha256"] = hashlib.sha256(data).hexdigest()
            check_mask((height, width), decode_mask(data, mask), mask)
        except Unusable as problem:
            return SourceRecord(**facts, **problem_of(problem))
        return SourceRecord(**facts)

    def load(self, record: SourceRecord) -> LoadedSource:
        image = read_image(self._path(record.image), record)
        mask = decode_mask(read_mask_bytes(self._path(record.mask), record), record.mask)
        check_mask(image.shape[:2], mask, record.mask)
        return LoadedSource(record, image, mask)

    def _path(self, reference: str) -> Path:
        return self.spec.labels.parent / reference
