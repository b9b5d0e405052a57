"""Sources of labelled and of captioned images, and how a command line names them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.base import CaptionSource, Source, SourceProblem
from editmill.pipelines.sources.coco import CocoSource, CocoSpec
from editmill.pipelines.sources.coco_captions import CocoCaptionsSource, CocoCaptionsSpec
from editmill.pipelines.sources.folder import FolderSource, FolderSpec
from editmill.pipelines.sources.imagenet_s import ImageNetSSource, ImageNetSSpec
from editmill.pipelines.sources.images import ImagesSource, ImagesSpec
from editmill.pipelines.sources.jsonl import JsonLinesSource, JsonLinesSpec
from editmill.pipelines.sources.pictures import Pictures
from editmill.pipelines.sources.tabletop import TabletopSource, TabletopSpec
from editmill.pipelines.sources.tabletop_captions import TabletopCaptionsSource, TabletopCaptionsSpec
from editmill.pipelines.sources.webdataset import WebDatasetSource, WebDatasetSpec

__all__ = [
    "AnySource",
    "AnySpec",
    "CaptionSource",
    "CaptionedSpec",
    "LabelledSpec",
    "Pictures",
    "Source",
    "SourceProblem",
    "SourceSpec",
    "open_captions",
    "open_pictures",
    "open_source",
    "parse_source",
]

LabelledSpec = TabletopSpec | FolderSpec | CocoSpec | ImageNetSSpec
CaptionedSpec = TabletopCaptionsSpec | CocoCaptionsSpec | JsonLinesSpec | WebDatasetSpec
AnySpec = LabelledSpec | CaptionedSpec | ImagesSpec
AnySource = Source | CaptionSource | Pictures
SourceSpec = Annotated[AnySpec, Field(discriminator="kind")]


def open_source(spec: AnySpec) -> Source:
    """Open a source of labelled images with masks.

    Raises:
        SourceError: The source as a whole can't be read, or holds captions instead.
    """
    if isinstance(spec, TabletopSpec):
        return TabletopSource(spec)
    if isinstance(spec, ImageNetSSpec):
        return ImageNetSSource(spec)
    if isinstance(spec, FolderSpec):
        return FolderSource(spec)
    if isinstance(spec, CocoSpec):
        return CocoSource(spec)
    raise SourceError(
        f"{spec.kind} holds no labelled objects with masks",
        where="source",
        fix="use tabletop, folder, coco or imagenet-s",
    )


def open_captions(spec: AnySpec) -> CaptionSource:
    """Open a source of captioned images.

    Raises:
        SourceError: The source as a whole can't be read, or holds no captions.
    """
    if isinstance(spec, TabletopCaptionsSpec):
        return TabletopCaptionsSource(spec)
    if isinstance(spec, CocoCaptionsSpec):
        return CocoCaptionsSource(spec)
    if isinstance(spec, JsonLinesSpec):
        return JsonLinesSource(spec)
    if isinstance(spec, WebDatasetSpec):
        return WebDatasetSource(spec)
    raise SourceError(
        f"{spec.kind} holds no captions",
        where="source",
        fix="use tabletop-captions, coco-captions, jsonl or webdataset",
    )


def open_pictures(spec: AnySpec) -> Pictures:
    """Open any source for its pictures alone.

    Raises:
        SourceError: The source as a whole can't be read.
    """
    if isinstance(spec, ImagesSpec):
        images = ImagesSource(spec)
        return Pictures(images, images.picture)
    if isinstance(spec, CaptionedSpec):
        return Pictures.of_captioned(open_captions(spec))
    return Pictures.of_labelled(open_source(spec))


FIELDS = {
    "images": "root",
    "folder": "labels",
    "coco": "instances",
    "imagenet-s": "root",
    "coco-captions": "captions",
    "jsonl": "file",
    "webdataset": "shards",
}


def parse_source(text: str) -> dict[str, Any]:
    """Return what ``--source TEXT`` puts into a recipe.

    ``tabletop[:SPLIT]``, ``folder:LABELS.csv``, ``coco:INSTANCES.json``, ``imagenet-s:ROOT`` are labelled;
    ``tabletop-captions[:SPLIT]``, ``coco-captions:CAPTIONS.json[,INSTANCES.json]``, ``jsonl:FILE``,
    ``webdataset:SHARDS.tar`` are captioned; ``images:FOLDER`` holds mere pictures.

    Raises:
        SourceError: The kind is unknown or the path is missing.
    """
    kind, _, rest = text.partition(":")
    if kind in ("tabletop", "tabletop-captions"):
        return {"kind": kind, **({"split": rest} if rest else {})}
    if kind not in FIELDS or not rest:
        fix = (
            "use tabletop, folder:PATH/labels.csv, coco:PATH/instances.json or imagenet-s:ROOT; for captions "
            "tabletop-captions, "
            "coco-captions:PATH/captions.json, jsonl:FILE or webdataset:PATH/*.tar; for watermarks any of these, or "
            "images:FOLDER"
        )
        raise SourceError(f"unknown source {text!r}", where="--source", fix=fix)
    if kind == "coco-captions" and "," in rest:
        captions, _, instances = rest.partition(",")
        return {"kind": kind, "captions": str(Path(captions).resolve()), "instances": str(Path(instances).resolve())}
    return {"kind": kind, FIELDS[kind]: str(Path(rest).resolve())}
