"""The sources that recipes can name: those that come along and those of installed packages."""

from __future__ import annotations

from typing import Any

from editmill.generators.base.sources import Source
from editmill.manifests.plugins import Registry

SOURCES: Registry[type[Source[Any]]] = Registry(
    "editmill.sources",
    "source",
    {
        "folder": "editmill.pipelines.sources.folder:FolderSource",
        "coco": "editmill.pipelines.sources.coco:CocoSource",
        "imagenet-s": "editmill.pipelines.sources.imagenet_s:ImageNetSSource",
        "coco-captions": "editmill.pipelines.sources.coco_captions:CocoCaptionsSource",
        "jsonl": "editmill.pipelines.sources.jsonl:JsonLinesSource",
        "webdataset": "editmill.pipelines.sources.webdataset:WebDatasetSource",
        "images": "editmill.pipelines.sources.images:ImagesSource",
    },
)
