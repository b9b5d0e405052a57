"""COCO captions, with the objects of an instances file where there is one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from editmill.generators.base.loaded import CaptionedImage, GoldObject, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec, resolved
from editmill.manifests.canonical import digest
from editmill.manifests.errors import SourceError
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
    read_coco,
    said_id,
)
from editmill.pipelines.sources.reading import check_unchanged, image_facts, listed_record, read_image
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import caption_records, warn_of_empty, with_captions

FIX = "pass the {} file of COCO, as in --source coco-captions:PATH/captions.json,PATH/instances.json"

logger = logging.getLogger("editmill.sources")


class CocoCaptionsSpec(Spec):
    """A COCO captions file.

    Attributes:
        captions: The JSON file.
        instances: The instances file of the same photographs, whose boxes can take the place of a detector's; empty for
            none.
        images: Folder with the photographs; empty for ``images`` beside the captions.
    """

    stores: ClassVar[bool] = True
    kind: Literal["coco-captions"] = "coco-captions"
    captions: Path
    instances: Path | None = None
    images: Path | None = None


class _Captions(NamedTuple):
    """A captions file: images by the names of their records, captions by image id, addresses of licences by id."""

    images: dict[str, Document]
    captions: dict[Any, list[Document]]
    licences: dict[Any, str]


class CocoCaptionsSource(Source[CaptionedImage]):
    """One source per photograph with its captions, both in the order of their ids.

    Texts are kept as they are, blanks at the end included.
    """

    name = "coco-captions"
    licence = "the licence of each photograph stands in its record; the captions are CC BY 4.0"
    spec_type = CocoCaptionsSpec
    shorthand = "coco-captions:CAPTIONS.json[,INSTANCES.json]"
    provides = "captions"

    def __init__(self, spec: CocoCaptionsSpec) -> None:
        self.spec = spec
        self.folder = spec.images or spec.captions.parent / "images"

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        captions, _, instances = rest.partition(",")
        fields = super().parse(captions)
        return {**fields, "instances": resolved(instances, stores=True)} if instances else fields

    @cached_property
    def _file(self) -> _Captions:
        return _read_captions(self.spec.captions)

    @cached_property
    def _objects(self) -> dict[Any, list[GoldObject]]:
        return {} if self.spec.instances is None else _read_objects(self.spec.instances)

    def records(self) -> Iterator[SourceRecord]:
        images, captions, _ = self._file
        # Broken instances are told before anything is built.
        _ = self._objects
        where = str(self.spec.captions)
        warn_of_empty((one["caption"] for mine in captions.values() for one in mine), where)
        yield from with_captions(in_threads(lambda pair: self._record(*pair), images.items()), where)

    def _record(self, name: str, image: Document) -> SourceRecord:
        mine = self._file.captions[image["id"]]
        record = listed_record(
            partial(image_facts, self.folder / image["file_name"], released_name(image["file_name"])),
            id=name,
            image=image["file_name"],
            captions=caption_records([one["caption"] for one in mine], names=[str(one["id"]) for one in mine]),
            licence=licence_of(image, self._file.licences),
        )
        if record.problem or self.spec.instances is None:
            return record
        if not _fits(image, record):
            size = f"{image['width']}x{image['height']}"
            logger.warning("%s is not %s as its annotations say, so their boxes are left out", record.image_name, size)
        return record.model_copy(update={"objects_sha256": _digest(self._objects_of(record))})

    def load(self, record: SourceRecord) -> CaptionedImage:
        image = read_image(self.folder / record.image, record)
        objects = self._objects_of(record)
        found = "" if self.spec.instances is None else _digest(objects)
        check_unchanged(found, record.objects_sha256, record, f"{record.image_name}: its objects")
        return CaptionedImage(record, image, objects)

    def _objects_of(self, record: SourceRecord) -> tuple[GoldObject, ...]:
        """Return the objects of a record's picture; none where their boxes are of a picture of another size."""
        if self.spec.instances is None:
            return ()
        entry = self._file.images.get(record.id)
        if entry is None:
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.image_name}: no longer in the captions file")
        return tuple(self._objects.get(entry["id"], ())) if _fits(entry, record) else ()


def _fits(entry: Document, record: SourceRecord) -> bool:
    """Return whether a picture has the size that its entry says, if it says one."""
    size = (entry.get("width"), entry.get("height"))
    return None in size or size == (record.width, record.height)


def _digest(objects: Sequence[GoldObject]) -> str:
    return digest([(one.name, one.box) for one in objects])


def _read_captions(path: Path) -> _Captions:
    document = read_coco(path, "captions", ("images", "annotations"), FIX.format("captions"))
    images = by_id(checked(document["images"], path, {"file_name": str}), path, "images")
    captions: dict[Any, list[Document]] = {identity: [] for identity in images}
    for annotation in checked(document["annotations"], path, {"caption": str}):
        identity = annotation.get("image_id")
        if not is_id(identity) or identity not in captions:
            what = f"annotation {annotation['id']} names the image {said_id(identity)}, which the file lacks"
            raise SourceError(what, where=str(path), fix="correct or delete the annotation, or add the image")
        captions[identity].append(annotation)
    # 1 and "1" are two images, but one text.
    names = distinct(str(identity) for identity in images)
    return _Captions(dict(zip(names, images.values(), strict=True)), captions, licence_addresses(document, path))


def _read_objects(path: Path) -> dict[Any, list[GoldObject]]:
    """Return the objects by image id; crowds are left out."""
    document = read_coco(path, "instances", ("annotations", "categories"), FIX.format("instances"))
    categories = by_id(checked(document["categories"], path, {"name": str}), path, "categories", twice=True)
    objects: dict[Any, list[GoldObject]] = {}
    for annotation in checked(document["annotations"], path, {"bbox": list}):
        image, category, box = annotation.get("image_id"), annotation.get("category_id"), annotation["bbox"]
        if annotation.get("iscrowd"):
            continue
        known = is_id(image) and is_id(category) and category in categories
        if not known or len(box) != 4 or not all(map(is_number, box)):
            what = f"the image, the category or the box of annotation {annotation['id']} is wrong"
            raise SourceError(what, where=str(path), fix="correct or delete the annotation")
        left, top, width, height = map(float, box)
        one = GoldObject(categories[category]["name"].lower(), (left, top, left + width, top + height))
        objects.setdefault(image, []).append(one)
    return objects
