"""COCO captions, with the objects of an instances file where there is one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from editmill.generators.text.base import CaptionedImage, GoldObject
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.base import image_facts, read_image
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import caption_records, captioned_record, is_unicode, warn_of_empty, with_captions

Document = dict[str, Any]
FIX = "pass the {} file of COCO, as in --source coco-captions:PATH/captions.json,PATH/instances.json"

logger = logging.getLogger("editmill.sources")


class CocoCaptionsSpec(BaseModel):
    """A COCO captions file.

    Attributes:
        captions: The JSON file.
        instances: The instances file of the same photographs, whose boxes can stand in for a detector's; empty for
            none.
        images: Folder with the photographs; empty for ``images`` beside the captions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["coco-captions"] = "coco-captions"
    captions: Path
    instances: Path | None = None
    images: Path | None = None


class CocoCaptionsSource:
    """One source per photograph with its captions, both in the order of their ids.

    Texts are kept as they are, blanks at the end included.
    """

    name = "coco-captions"
    licence = "the licence of each photograph stands in its record; the captions are CC BY 4.0"

    def __init__(self, spec: CocoCaptionsSpec) -> None:
        self.spec = spec
        self.folder = spec.images or spec.captions.parent / "images"
        document = _read(spec.captions, "captions", ("images", "annotations"))
        images = {
            image["id"]: image
            for image in sorted(_checked(document["images"], spec.captions, {"file_name": str}), key=_order)
        }
        self.images = dict(zip(distinct(str(identity) for identity in images), images.values(), strict=True))
        # Agencies write the addresses of licences with escaped slashes, and COCO escapes them once more.
        self.licences = {
            entry["id"]: str(entry.get("url", "")).replace("\\/", "/")
            for entry in _checked(document.get("licenses") or [], spec.captions, {})
        }
        self.captions: dict[Any, list[Document]] = {identity: [] for identity in images}
        for annotation in sorted(
            _checked(document["annotations"], spec.captions, {"image_id": (int, str), "caption": str}), key=_order
        ):
            if annotation["image_id"] not in self.captions:
                what = f"annotation {annotation['id']} names the image {annotation['image_id']}, which the file lacks"
                raise SourceError(what, where=str(spec.captions), fix="delete the annotation, or add the image")
            self.captions[annotation["image_id"]].append(annotation)
        self.objects = {} if spec.instances is None else _read_objects(spec.instances)

    def records(self) -> Iterator[SourceRecord]:
        where = str(self.spec.captions)
        warn_of_empty((one["caption"] for mine in self.captions.values() for one in mine), where)
        return with_captions((self._record(name, image) for name, image in self.images.items()), where)

    def _record(self, name: str, image: Document) -> SourceRecord:
        mine = self.captions[image["id"]]
        captions = caption_records([one["caption"] for one in mine], names=[str(one["id"]) for one in mine])
        facts = partial(image_facts, self.folder / image["file_name"])
        return captioned_record(
            facts,
            id=name,
            image=image["file_name"],
            captions=captions,
            licence=self.licences.get(image.get("license"), ""),
        )

    def load_captioned(self, record: SourceRecord) -> CaptionedImage:
        image, entry = read_image(self.folder / record.image), self.images[record.id]
        width, height = entry.get("width"), entry.get("height")
        if None not in (width, height) and (height, width) != image.shape[:2]:
            logger.warning(
                "%s is not %sx%s as its annotations say, so their boxes are left out", record.image, width, height
            )
            return CaptionedImage(record, image)
        return CaptionedImage(record, image, tuple(self.objects.get(entry["id"], ())))


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
            raise SourceError(what, where=str(path), fix="mend or delete the annotation") from error
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
                else "holds half of a surrogate pair, which is no text"
            )
            raise SourceError(f"the entry {identity!r} {what}", where=str(path), fix="mend or delete the entry")
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
