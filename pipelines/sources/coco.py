"""COCO instance annotations: one source per instance that passes a size filter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.arrays import Mask
from editmill.manifests.records import SourceRecord, released_name
from editmill.manifests.threads import in_threads
from editmill.pipelines.sources.coco_file import (
    Document,
    by_id,
    checked,
    is_id,
    is_number,
    licence_addresses,
    licence_of,
    order,
    read_coco,
    said_id,
)
from editmill.pipelines.sources.reading import (
    check_mask,
    check_unchanged,
    image_facts,
    listed_record,
    problem_of,
    read_image,
)
from editmill.pipelines.sources.segmentation import decode_segmentation
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import is_unicode

FIX = "pass --source coco:PATH/instances.json"


class CocoSpec(Spec):
    """A COCO instances file.

    Attributes:
        instances: The JSON file.
        images: Folder with the photographs; empty for ``images`` beside the file.
        least_area, most_area: Limits of an instance's share of its photograph.
    """

    stores: ClassVar[bool] = True
    kind: Literal["coco"] = "coco"
    instances: Path
    images: Path | None = None
    least_area: float = Field(0.03, ge=0, le=1)
    most_area: float = Field(0.6, ge=0, le=1)


class _Instances(NamedTuple):
    """An instances file: images by id, annotations by the names of their records, labels and names by category,
    addresses of licences by id.
    """

    images: dict[Any, Document]
    annotations: dict[str, Document]
    labels: dict[Any, tuple[int, str]]
    licences: dict[Any, str]


class CocoSource(Source[LoadedSource]):
    """Instances as objects; crowds are left out. Labels are positions in the sorted list of category ids.

    Masks are drawn by COCO's own library. An annotation that can't be used is a record with its problem.
    """

    name = "coco"
    licence = "the licence of each photograph stands in its record"
    spec_type = CocoSpec
    shorthand = "coco:INSTANCES.json"
    provides = "labelled"

    def __init__(self, spec: CocoSpec) -> None:
        self.spec = spec
        self.folder = spec.images or spec.instances.parent / "images"

    @cached_property
    def _file(self) -> _Instances:
        path = self.spec.instances
        document = read_coco(path, "instances", ("images", "annotations", "categories"), FIX)
        categories = by_id(checked(document["categories"], path, {"name": str}), path, "categories", twice=True)
        listed = by_id(checked(document["annotations"], path, {}), path, "annotations")
        annotations = sorted(listed.values(), key=lambda one: (order(one.get("image_id")), order(one["id"])))
        # 1 and "1" are two ids, but one text.
        names = distinct(f"{one['image_id'] if is_id(one.get('image_id')) else ''}-{one['id']}" for one in annotations)
        return _Instances(
            by_id(checked(document["images"], path, {}), path, "images"),
            dict(zip(names, annotations, strict=True)),
            {identity: (label, entry["name"]) for label, (identity, entry) in enumerate(categories.items())},
            licence_addresses(document, path),
        )

    def records(self) -> Iterator[SourceRecord]:
        chosen = (pair for pair in self._file.annotations.items() if self._is_chosen(pair[1]))
        yield from in_threads(lambda pair: self._record(*pair), chosen)

    def _image(self, annotation: Document) -> Document:
        """Return the entry of an annotation's image, an empty one where there is none."""
        identity = annotation.get("image_id")
        return self._file.images.get(identity, {}) if is_id(identity) else {}

    def _is_chosen(self, annotation: Document) -> bool:
        """Return whether an annotation is of one object and passes the size filter.

        One that does not say so is chosen, and becomes a record with its problem.
        """
        image, area = self._image(annotation), annotation.get("area")
        pixels = _number(image, "width") * _number(image, "height")
        if annotation.get("iscrowd") == 1 or pixels <= 0 or not is_number(area):
            return annotation.get("iscrowd") != 1
        return self.spec.least_area <= _number(annotation, "area") / pixels <= self.spec.most_area

    def _record(self, name: str, annotation: Document) -> SourceRecord:
        image, category = self._image(annotation), annotation.get("category_id")
        label, class_name = self._file.labels.get(category, (-1, "")) if is_id(category) else (-1, "")
        file_name = image.get("file_name")
        record = listed_record(
            partial(self._facts, annotation),
            id=name,
            image=file_name if isinstance(file_name, str) and is_unicode(file_name) else "",
            mask=f"annotation {annotation['id']}",
            label=label,
            class_name=class_name,
            licence=licence_of(image, self._file.licences),
        )
        if record.problem:
            return record
        try:
            return record.model_copy(update={"mask_sha256": _digest(self._mask(record))})
        except Unusable as problem:
            return record.model_copy(update=problem_of(problem))

    def _facts(self, annotation: Document) -> tuple[int, int, str]:
        """Return the width, height and sha256 of an annotation's photograph.

        Raises:
            Unusable: The file does not say which one it is, or it can't be read.
        """
        where, image = f"annotation {annotation['id']}", self._image(annotation)
        file_name = image.get("file_name")
        if not image:
            what = f"names the image {said_id(annotation.get('image_id'))}, which the file lacks"
            raise Unusable(Reason.SOURCE_UNREADABLE, f"{where}: {what}")
        if not isinstance(file_name, str) or not is_unicode(file_name):
            raise Unusable(Reason.SOURCE_UNREADABLE, f"{where}: its image has no file_name")
        return image_facts(self.folder / file_name, released_name(file_name))

    def _mask(self, record: SourceRecord) -> Mask:
        """Return a record's mask in the size of its photograph, uint8 [H, W], 255 on the object.

        Raises:
            Unusable: The annotation does not say what the object is, or not of a photograph of this size.
        """
        annotation = self._file.annotations.get(record.id, {})
        image, where, size = self._image(annotation), record.mask, (record.height, record.width)
        category, crowd = annotation.get("category_id"), annotation.get("iscrowd", 0)
        for fits, what in (
            (is_number(annotation.get("area")), "its area is not a number"),
            (crowd in (0, 1, None), "its iscrowd is neither 0 nor 1"),
            (is_id(category) and category in self._file.labels, f"its category {said_id(category)} is not in the file"),
            (is_number(image.get("width")) and is_number(image.get("height")), "its image has no width and height"),
        ):
            if not fits:
                raise Unusable(Reason.MASK_UNREADABLE, f"{where}: {what}")
        if (image["height"], image["width"]) != size:
            sizes = f"drawn in {image['width']}x{image['height']}, the image is {record.width}x{record.height}"
            raise Unusable(Reason.MASK_SIZE_MISMATCH, f"{where}: {sizes}")
        mask = decode_segmentation(annotation.get("segmentation"), size, where)
        check_mask(size, mask, where)
        return mask

    def load(self, record: SourceRecord) -> LoadedSource:
        image = read_image(self.folder / record.image, record)
        try:
            mask = self._mask(record)
        except Unusable:
            # It was fine when it was listed.
            check_unchanged("", record.mask_sha256, record, record.mask)
            raise
        check_unchanged(_digest(mask), record.mask_sha256, record, record.mask)
        return LoadedSource(record, image, mask)


def _number(entry: Document, field: str) -> float:
    return float(entry[field]) if is_number(entry.get(field)) else 0.0


def _digest(mask: Mask) -> str:
    return hashlib.sha256(mask.tobytes()).hexdigest()
