"""COCO captions, with the objects of an instances file where there is one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from editmill.generators.base.loaded import CaptionedImage, GoldObject, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.reading import image_facts, listed_record, read_image
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import caption_records, is_unicode, warn_of_empty, with_captions

Document = dict[str, Any]
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
        return {**fields, "instances": str(Path(instances).resolve())} if instances else fields

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
        yield from with_captions((self._record(name, image) for name, image in images.items()), where)

    def _record(self, name: str, image: Document) -> SourceRecord:
        mine = self._file.captions[image["id"]]
        return listed_record(
            partial(image_facts, self.folder / image["file_name"], image["file_name"]),
            id=name,
            image=image["file_name"],
            captions=caption_records([one["caption"] for one in mine], names=[str(one["id"]) for one in mine]),
            licence=self._file.licences.get(image.get("license"), ""),
        )

    def load(self, record: SourceRecord) -> CaptionedImage:
        image = read_image(self.folder / record.image, record)
        return CaptionedImage(record, image, self._objects_of(record, image.shape[:2]) if self._objects else ())

    def _objects_of(self, record: SourceRecord, shape: tuple[int, ...]) -> tuple[GoldObject, ...]:
        """Return the objects of a record's picture of a shape (height, width)."""
        entry = self._file.images.get(record.id)
        if entry is None:
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.image}: no longer in the captions file")
        width, height = entry.get("width"), entry.get("height")
        if None not in (width, height) and (height, width) != shape:
            logger.warning(
                "%s is not %sx%s as its annotations say, so their boxes are left out", record.image, width, height
            )
            return ()
        return tuple(self._objects.get(entry["id"], ()))


def _read_captions(path: Path) -> _Captions:
    document = _read(path, "captions", ("images", "annotations"))
    listed = sorted(_checked(document["images"], path, {"file_name": str}), key=_order)
    images = {image["id"]: image for image in listed}
    # Agencies write the addresses of licences with escaped slashes, and COCO escapes them once more.
    licences = {
        entry["id"]: str(entry.get("url", "")).replace("\\/", "/")
        for entry in _checked(document.get("licenses") or [], path, {})
    }
    captions: dict[Any, list[Document]] = {identity: [] for identity in images}
    annotations = _checked(document["annotations"], path, {"image_id": (int, str), "caption": str})
    for annotation in sorted(annotations, key=_order):
        if annotation["image_id"] not in captions:
            what = f"annotation {annotation['id']} names the image {annotation['image_id']}, which the file lacks"
            raise SourceError(what, where=str(path), fix="delete the annotation, or add the image")
        captions[annotation["image_id"]].append(annotation)
    # 1 and "1" are two images, but one text.
    names = distinct(str(identity) for identity in images)
    return _Captions(dict(zip(names, images.values(), strict=True)), captions, licences)


def _read_objects(path: Path) -> dict[Any, list[GoldObject]]:
    """Return the objects by image id; crowds are left out."""
    document = _read(path, "instances", ("annotations", "categories"))
    names = {
        category["id"]: category["name"].lower() for category in _checked(document["categories"], path, {"name": str})
    }
    objects: dict[Any, list[GoldObject]] = {}
    for annotation in sorted(
        _checked(document["annotations"], path, {"image_id": (int, str), "bbox": list}), key=_order
    ):
        if annotation.get("iscrowd"):
            continue
        try:
            left, top, width, height = (float(value) for value in annotation["bbox"])
            one = GoldObject(names[annotation["category_id"]], (left, top, left + width, top + height))
        except (KeyError, TypeError, ValueError) as error:
            what = f"the category or the box of annotation {annotation['id']} is wrong: {error!r}"
            raise SourceError(what, where=str(path), fix="correct or delete the annotation") from error
        objects.setdefault(annotation["image_id"], []).append(one)
    return objects


def _order(entry: Document) -> tuple[int, str]:
    """Return whole numbers by size, other ids behind them."""
    identity = entry["id"]
    return (identity, "") if isinstance(identity, int) else (2**63, identity)


def _checked(entries: list[Any], path: Path, fields: dict[str, type | tuple[type, ...]]) -> list[Document]:
    """Return the entries, each with an id and with ``fields`` of these types.

    Raises:
        SourceError: One is of another form.
    """
    wanted = {"id": (int, str), **fields}
    for place, entry in enumerate(entries):
        wrong = [
            name
            for name, kind in wanted.items()
            if not isinstance(entry, dict) or not isinstance(entry.get(name), kind)
        ]
        if wrong or not is_unicode(entry):
            identity = entry.get("id", place) if isinstance(entry, dict) else place
            what = (
                f"lacks {', '.join(wrong)}, or has another type there"
                if wrong
                else "holds half of a surrogate pair, which is not text"
            )
            raise SourceError(f"the entry {identity!r} {what}", where=str(path), fix="correct or delete the entry")
    return entries


def _read(path: Path, what: str, keys: tuple[str, ...]) -> Document:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"not a readable COCO {what} file: {error}", where=str(path), fix=FIX.format(what)) from error
    missing = [key for key in keys if not isinstance(document, dict) or not isinstance(document.get(key), list)]
    if missing:
        raise SourceError(
            f"not a COCO {what} file: it lacks {', '.join(missing)}", where=str(path), fix=FIX.format(what)
        )
    return dict(document)
