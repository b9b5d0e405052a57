"""COCO captions, with the objects of an instances file where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from generators.text.base import CaptionedImage, GoldObject
from manifests.errors import SourceError
from manifests.records import CaptionRecord, SourceRecord
from pipelines.sources.base import SourceProblem, image_facts, read_image


class CocoCaptionsSpec(BaseModel):
    """A COCO captions file.

    Attributes:
        captions: the JSON file.
        instances: the instances file of the same photographs, whose boxes can stand in for a detector's; empty for none.
        images: folder with the photographs; empty for ``images`` beside the captions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["coco-captions"] = "coco-captions"
    captions: Path
    instances: Path | None = None
    images: Path | None = None


class CocoCaptionsSource:
    """One source per photograph, with its captions in the order of their ids; texts are kept as they are, blanks at the end included."""

    name = "coco-captions"
    licence = "the licence of each photograph stands in its record; the captions are CC BY 4.0"

    def __init__(self, spec: CocoCaptionsSpec) -> None:
        self.spec = spec
        self.folder = spec.images or spec.captions.parent / "images"
        document = _read(spec.captions, "captions", ("images", "annotations"))
        self.images = {image["id"]: image for image in document["images"]}
        self.licences = {entry["id"]: entry.get("url", "").replace("\\/", "/") for entry in document.get("licenses", [])}
        self.captions: dict[Any, list[dict[str, Any]]] = {}
        for annotation in sorted(document["annotations"], key=lambda one: one.get("id", -1)):
            missing = [name for name in ("id", "image_id", "caption") if name not in annotation]
            if missing or annotation["image_id"] not in self.images:
                wrong = f"lacks {', '.join(missing)}" if missing else "names an image that the file lacks"
                raise SourceError(f"annotation {annotation.get('id', annotation)} {wrong}", where=str(spec.captions), fix="mend or delete the annotation")
            self.captions.setdefault(annotation["image_id"], []).append(annotation)
        self.objects = self._read_objects()

    def _read_objects(self) -> dict[Any, list[GoldObject]]:
        if self.spec.instances is None:
            return {}
        document = _read(self.spec.instances, "instances", ("annotations", "categories"))
        names = {category["id"]: category["name"] for category in document["categories"]}
        objects: dict[Any, list[GoldObject]] = {}
        for annotation in document["annotations"]:
            try:
                left, top, width, height = (float(value) for value in annotation["bbox"])
                one = GoldObject(names[annotation["category_id"]], (left, top, left + width, top + height))
                if not annotation.get("iscrowd"):
                    objects.setdefault(annotation["image_id"], []).append(one)
            except (KeyError, TypeError, ValueError) as error:
                what = f"annotation {annotation.get('id', '')} lacks or misnames {error}"
                raise SourceError(what, where=str(self.spec.instances), fix="mend or delete the annotation") from error
        return objects

    def records(self) -> Iterator[SourceRecord]:
        for identity, image in sorted(self.images.items(), key=lambda pair: str(pair[0])):
            captions = tuple(
                CaptionRecord(id=str(one["id"]), text=one["caption"]) for one in self.captions.get(identity, []) if str(one["caption"]).strip()
            )
            if not captions:
                continue
            common: dict[str, Any] = {
                "id": str(identity), "image": image["file_name"], "label": -1, "class_name": "", "captions": captions,
                "licence": self.licences.get(image.get("license"), ""),
            }
            try:
                width, height, digest = image_facts(self.folder / image["file_name"])
            except SourceProblem as problem:
                yield SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
                continue
            yield SourceRecord(**common, width=width, height=height, sha256=digest)

    def load_captioned(self, record: SourceRecord) -> CaptionedImage:
        identity = next(key for key in self.images if str(key) == record.id)
        return CaptionedImage(record, read_image(self.folder / record.image), tuple(self.objects.get(identity, ())))


def _read(path: Path, what: str, keys: tuple[str, ...]) -> dict[str, Any]:
    fix = f"pass the {what} file of COCO, as in --source coco-captions:PATH/captions.json,PATH/instances.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"not a readable COCO {what} file: {error}", where=str(path), fix=fix) from error
    missing = [key for key in keys if not isinstance(document, dict) or not isinstance(document.get(key), list)]
    if missing:
        raise SourceError(f"not a COCO {what} file: it lacks {', '.join(missing)}", where=str(path), fix=fix)
    return dict(document)
