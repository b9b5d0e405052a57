"""COCO instance annotations: one source per instance that passes a size filter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.arrays import Mask
from editmill.manifests.canonical import digest
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.reading import check_mask, check_unchanged, image_facts, read_image

Document = dict[str, Any]


class CocoSpec(Spec):
    """A COCO instances file.

    Attributes:
        instances: The JSON file.
        images: Folder with the photographs; empty for ``images`` beside the file.
        least_area, most_area: Limits of an instance's share of its photograph.
    """

    kind: Literal["coco"] = "coco"
    instances: Path
    images: Path | None = None
    least_area: float = Field(0.03, ge=0, le=1)
    most_area: float = Field(0.6, ge=0, le=1)


class _Instances(NamedTuple):
    """An instances file: images and annotations by id, labels and names by category, addresses of licences by id."""

    images: dict[Any, Document]
    annotations: dict[str, Document]
    labels: dict[Any, tuple[int, str]]
    licences: dict[Any, str]


class CocoSource(Source[LoadedSource]):
    """Instances as objects; crowds are left out. Labels are positions in the sorted list of category ids."""

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
        try:
            document = json.loads(self.spec.instances.read_text())
            categories = sorted((category["id"], category["name"]) for category in document["categories"])
            return _Instances(
                {image["id"]: image for image in document["images"]},
                {str(annotation["id"]): annotation for annotation in document["annotations"]},
                {identity: (label, name) for label, (identity, name) in enumerate(categories)},
                {entry["id"]: entry.get("url", "") for entry in document.get("licenses", [])},
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"not a readable COCO instances file: {error!r}",
                where=str(self.spec.instances),
                fix="pass --source coco:PATH/instances.json",
            ) from error

    def records(self) -> Iterator[SourceRecord]:
        # An annotation without an image is told by name below, so sorting must not fail on it.
        for annotation in sorted(self._file.annotations.values(), key=lambda a: (a.get("image_id", -1), a["id"])):
            try:
                image = self._file.images[annotation["image_id"]]
                share = annotation["area"] / (image["width"] * image["height"])
                if not annotation.get("iscrowd") and self.spec.least_area <= share <= self.spec.most_area:
                    yield self._record(annotation, image)
            except (KeyError, TypeError, ZeroDivisionError) as error:
                raise SourceError(
                    f"annotation {annotation['id']} lacks or misnames {error}",
                    where=str(self.spec.instances),
                    fix="correct or delete the annotation",
                ) from error

    def _record(self, annotation: Document, image: Document) -> SourceRecord:
        label, name = self._file.labels[annotation["category_id"]]
        common = {
            "id": f"{annotation['image_id']}-{annotation['id']}",
            "image": image["file_name"],
            "mask": str(annotation["id"]),
            "label": label,
            "class_name": name,
            "licence": self._file.licences.get(image.get("license"), ""),
            "mask_sha256": digest(annotation["segmentation"]),
        }
        try:
            width, height, sha256 = image_facts(self.folder / image["file_name"], image["file_name"])
        except Unusable as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        return SourceRecord(**common, width=width, height=height, sha256=sha256)

    def load(self, record: SourceRecord) -> LoadedSource:
        image, where = read_image(self.folder / record.image, record), f"annotation {record.mask}"
        annotation = self._file.annotations.get(record.mask, {})
        segmentation = annotation.get("segmentation")
        check_unchanged(digest(segmentation), record.mask_sha256, record, where)
        try:
            size = self._file.images[annotation["image_id"]]
            # In the size that the annotations state; a photograph of another size is refused below.
            mask = decode_segmentation(segmentation, int(size["height"]), int(size["width"]))
        except (TypeError, ValueError, KeyError) as error:
            raise Unusable(Reason.MASK_UNREADABLE, f"{where}: {error}") from error
        check_mask(image.shape[:2], mask, where)
        return LoadedSource(record, image, mask)


def decode_segmentation(segmentation: Any, height: int, width: int) -> Mask:
    """Turn polygons or uncompressed run lengths into a mask uint8 [H, W], 255 on the object.

    Raises:
        TypeError, ValueError, KeyError: They are neither.
    """
    import cv2

    mask = np.zeros((height, width), np.uint8)
    if isinstance(segmentation, dict):
        # Runs go down the columns, and the first one is background.
        counts = np.asarray(segmentation["counts"])
        runs = np.repeat(np.arange(len(counts)) % 2, counts).astype(np.uint8)
        return runs.reshape(width, height).T * np.uint8(255)
    for polygon in segmentation:
        # COCO counts from the corner of the first pixel, OpenCV from its centre; four fractional bits.
        points = np.rint((np.asarray(polygon, np.float64).reshape(-1, 2) - 0.5) * 16).astype(np.int32)
        try:
            cv2.fillPoly(mask, [points], 255, shift=4)
        except cv2.error as error:
            raise ValueError(f"a polygon can't be drawn: {error.err}") from error
    return mask
