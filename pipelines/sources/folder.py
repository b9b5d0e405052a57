"""A folder of photographs with masks, described by a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.arrays import Mask
from editmill.manifests.records import SourceRecord, released_name
from editmill.manifests.threads import in_threads
from editmill.pipelines.sources.mask_files import MaskFrom, decode_mask
from editmill.pipelines.sources.reading import (
    check_mask,
    image_facts,
    mask_digest,
    problem_of,
    read_image,
    read_mask_bytes,
)
from editmill.pipelines.sources.table import IMAGENET_COLUMN, Row, identities, read_table

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
        mask_from: What of a mask's file is the object: ``grey`` values of at least half the range, the ``alpha``
            channel, or one value, which is a palette's index or a grey value.
        licence: Terms of the photographs, recorded with every sample; a column ``licence`` says it for each.
    """

    stores: ClassVar[bool] = True
    kind: Literal["folder"] = "folder"
    labels: Path
    image_column: str = "file"
    mask_column: str = "mask"
    label_column: str = ""
    mask_from: MaskFrom = "grey"
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
        table.require_columns((self.spec.image_column, self.spec.mask_column), COLUMNS_FIX)
        labels = table.label_column(self.spec.label_column)
        table.check_cells()
        names = table.class_names(labels)
        rows = zip(identities(row[self.spec.image_column] for row in table.rows), table.rows, strict=True)
        yield from in_threads(lambda pair: self._record(*pair, labels, names), rows)

    def _record(self, identity: str, row: Row, labels: str, names: dict[int, str]) -> SourceRecord:
        image, mask, label = row[self.spec.image_column], row[self.spec.mask_column], int(row[labels])
        facts: dict[str, Any] = {"width": 0, "height": 0, "sha256": ""}
        try:
            width, height, digest = image_facts(self._path(image), released_name(image))
            facts.update(width=width, height=height, sha256=digest)
            depends = f"{self.spec.mask_from} {width}x{height}"
            check = partial(self._mask, name=released_name(mask), shape=(height, width))
            facts["mask_sha256"] = mask_digest(self._path(mask), released_name(mask), depends, check)
        except Unusable as problem:
            facts.update(problem_of(problem))
        return SourceRecord(
            id=identity,
            image=image,
            mask=mask,
            label=label,
            class_name=names[label],
            wnid=row.get("wnid", ""),
            licence=row.get("licence") or self.licence,
            attributes={"mask_source": row.get("mask_source") or "given", **IMAGENET.get(labels, {})},
            **facts,
        )

    def load(self, record: SourceRecord) -> LoadedSource:
        image = read_image(self._path(record.image), record)
        mask = self._mask(read_mask_bytes(self._path(record.mask), record), record.mask_name, image.shape[:2])
        return LoadedSource(record, image, mask)

    def _mask(self, data: bytes, name: str, shape: tuple[int, ...]) -> Mask:
        """Return a mask, uint8 [H, W], 255 on the object, that fits an image of ``shape`` (height, width)."""
        mask = decode_mask(data, name, self.spec.mask_from)
        check_mask(shape, mask, name)
        return mask

    def _path(self, reference: str) -> Path:
        return self.spec.labels.parent / reference
