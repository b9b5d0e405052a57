"""Sources of labelled images, and how a command line names them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from manifests.errors import SourceError
from pipelines.sources.base import Source, SourceProblem
from pipelines.sources.coco import CocoSource, CocoSpec
from pipelines.sources.folder import FolderSource, FolderSpec
from pipelines.sources.imagenet_s import ImageNetSSource, ImageNetSSpec
from pipelines.sources.tabletop import TabletopSource, TabletopSpec

__all__ = ["Source", "SourceProblem", "SourceSpec", "open_source", "parse_source"]

SourceSpec = Annotated[TabletopSpec | FolderSpec | CocoSpec | ImageNetSSpec, Field(discriminator="kind")]


def open_source(spec: TabletopSpec | FolderSpec | CocoSpec | ImageNetSSpec) -> Source:
    """Open a source.

    Raises:
        SourceError: the source as a whole can't be read.
    """
    if isinstance(spec, TabletopSpec):
        return TabletopSource(spec)
    if isinstance(spec, ImageNetSSpec):
        return ImageNetSSource(spec)
    return FolderSource(spec) if isinstance(spec, FolderSpec) else CocoSource(spec)


def parse_source(text: str) -> dict[str, Any]:
    """What ``--source TEXT`` puts into a recipe: ``tabletop[:SPLIT]``, ``folder:LABELS.csv``, ``coco:INSTANCES.json`` or
    ``imagenet-s:ROOT``.

    Raises:
        SourceError: the kind is unknown or the path is missing.
    """
    kind, _, rest = text.partition(":")
    if kind == "tabletop":
        return {"kind": kind, **({"split": rest} if rest else {})}
    fields = {"folder": "labels", "coco": "instances", "imagenet-s": "root"}
    if kind not in fields or not rest:
        fix = "use tabletop, tabletop:heldout, folder:PATH/labels.csv, coco:PATH/instances.json or imagenet-s:ROOT"
        raise SourceError(f"unknown source {text!r}", where="--source", fix=fix)
    return {"kind": kind, fields[kind]: str(Path(rest).resolve())}
