"""The sources that recipes can name: those that come along and those of installed packages."""

from __future__ import annotations

from typing import Any

from editmill.generators.base.sources import Source
from editmill.manifests.plugins import Registry, require, require_class


def _check_source(kind: str, source: Any) -> None:
    require_class(source, Source, "spec_type", "shorthand", "provides", "name")
    require(source.spec_type.model_fields["kind"].default == kind, "its specification is of another kind")


SOURCES: Registry[type[Source[Any]]] = Registry(
    "editmill.sources",
    "source",
    {
        "folder": "editmill.pipelines.sources.folder:FolderSource",
        "coco": "editmill.pipelines.sources.coco:CocoSource",
        "imagenet-s": "editmill.pipelines.sources.imagenet_s:ImageNetSSource",
        "coco-captions": "editmill.pipelines.sources.coco_captions:CocoCaptionsSource",
        "jsonl": "editmill.pipelines.sources.jsonl:JsonLinesSource",
        "xmai-csv": "editmill.pipelines.sources.xmai_csv:XmaiCsvSource",
        "webdataset": "editmill.pipelines.sources.webdataset:WebDatasetSource",
        "images": "editmill.pipelines.sources.images:ImagesSource",
        "photographs": "editmill.pipelines.sources.photographs:PhotographsSource",
        "photographs-captions": "editmill.pipelines.sources.photographs:PhotographsCaptionsSource",
    },
    _check_source,
)
