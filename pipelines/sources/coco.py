"""COCO instance annotations: one source per instance that passes a size filter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from editmill.generators.base import Array, LoadedSource
from editmill.generators.reasons import Reason
from editmill.manifests.canonical import digest
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.base import SourceProblem, check_mask, image_facts, read_image


class CocoSpec(BaseModel):
    """A COCO instances file.

    Attributes:
        instances: The JSON file.
        images: Folder with the photographs; empty for ``images`` beside the file.
        least_area, most_area: Limits of an instance's share of its photograph.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["coco"] = "coco"
    instances: Path
    images: Path | None = None
    least_area: float = Field(0.03, ge=0, le=1)
    most_area: float = Field(0.6, ge=0, le=1)


class CocoSource:
    """Instances as objects; crowds are left out. Labels are positions in the sorted list of category ids."""

    name = "coco"

    def __init__(self, spec: CocoSpec) -> None:
        self.spec = spec
        self.folder = spec.images or spec.instances.parent / "images"
        try:
            document = json.loads(spec.instances.read_text())
            self.images = {image["id"]: image for image in document["images"]}
            self.annotations = {annotation["id"]: annotation for annotation in document["annotations"]}
            categories = sorted((category["id"], category["name"]) for category in document["categories"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"not a readable COCO instances file: {error!r}",
                where=str(spec.instances),
                fix="pass --source coco:PATH/instances.json",
            ) from error
        self.labels = {identity: (label, name) for label, (identity, name) in enumerate(categories)}
        self.licences = {entry["id"]: entry.get("url", "") for entry in document.get("licenses", [])}
        self.licence = "the licence of each photograph stands in its record"

    def records(self) -> Iterator[SourceRecord]:
        for annotation in sorted(self.annotations.values(), key=lambda a: (a.get("image_id", -1), a["id"])):
            try:
                image = self.images[annotation["image_id"]]
                share = annotation["area"] / (image["width"] * image["height"])
                chosen = not annotation.get("iscrowd") and self.spec.least_area <= share <= self.spec.most_area
                if chosen:
                    yield self._record(annotation, image)
            except (KeyError, TypeError, ZeroDivisionError) as error:
                raise SourceError(
                    f"annotation {annotation['id']} lacks or misnames {error}",
                    where=str(self.spec.instances),
                    fix="mend or delete the annotation",
                ) from error

    def _record(self, annotation: dict[str, Any], image: dict[str, Any]) -> SourceRecord:
        label, name = self.labels[annotation["category_id"]]
        common = {
            "id": f"{annotation['image_id']}-{annotation['id']}",
            "image": image["file_name"],
            "mask": str(annotation["id"]),
            "label": label,
            "class_name": name,
            "licence": self.licences.get(image.get("license"), ""),
            "mask_sha256": digest(annotation["segmentation"]),
        }
        try:
            width, height, sha256 = image_facts(self.folder / image["file_name"])
        except SourceProblem as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        return SourceRecord(**common, width=width, height=height, sha256=sha256)

    def load(self, record: SourceRecord) -> LoadedSource:
        image = read_image(self.folder / record.image)
        annotation = self.annotations[int(record.mask)]
        size = self.images[annotation["image_id"]]
        try:
            mask = decode_segmentation(annotation["segmentation"], int(size["height"]), int(size["width"]))
        except (TypeError, ValueError, KeyError, cv2.error) as error:
            raise SourceProblem(Reason.MASK_UNREADABLE, f"annotation {record.mask}: {error}") from error
        check_mask(image.shape[:2], mask, f"{self.spec.instances}, annotation {record.mask}")
        return LoadedSource(record, image, mask)


def decode_segmentation(segmentation: Any, height: int, width: int) -> Array:
    """Return polygons or uncompressed run lengths to a mask uint8 [H, W], 255 on the object."""
    mask = np.zeros((height, width), np.uint8)
    if isinstance(segmentation, dict):
        counts = np.asarray(segmentation["counts"])
        runs = np.repeat(np.arange(len(counts)) % 2, counts).astype(np.uint8)
        return runs.reshape(width, height).T * np.uint8(255)
    for polygon in segmentation:
        # COCO counts from the corner of the first pixel, OpenCV from its centre; four fractional bits.
        points = np.rint((np.asarray(polygon, np.float64).reshape(-1, 2) - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, shift=4)
    return mask
