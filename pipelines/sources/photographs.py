"""The photographs that come along, in the public domain, with masks and captions made for this project."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from editmill.generators.base.loaded import CaptionedImage, LoadedSource
from editmill.generators.base.sources import L, Names, Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.coco_captions import CocoCaptionsSource, CocoCaptionsSpec
from editmill.pipelines.sources.folder import FolderSource, FolderSpec

# The distribution that also carries the embedded weights: the light wheel has neither.
HOME = "editmill.packs.tabletop"


class PhotographsSpec(Spec):
    """Photographs with one object's mask each.

    Attributes:
        only: Names of those to take; empty for all.
    """

    kind: Literal["photographs"] = "photographs"
    only: Names = ()


class PhotographsCaptionsSpec(Spec):
    """The same photographs with two captions each, and the box of the object.

    Attributes:
        only: Names of those to take; empty for all.
    """

    kind: Literal["photographs-captions"] = "photographs-captions"
    only: Names = ()


class _Photographs(Source[L]):
    """Another source's records, by their names."""

    licence = "CC0-1.0 or public domain, as each record says"
    files: Source[L]

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        return {"only": rest.split(",")} if rest else {}

    def records(self) -> Iterator[SourceRecord]:
        records = {record.id: record for record in self.files.records()}
        unknown = dict.fromkeys(name for name in self.spec.only if name not in records)
        if unknown:
            what = f"there is no photograph called {', '.join(map(repr, unknown))}"
            raise SourceError(what, where="source.only", fix=f"use some of {', '.join(records)}")
        yield from (records[name] for name in self.spec.only or records)

    def load(self, record: SourceRecord) -> L:
        return self.files.load(record)


class PhotographsSource(_Photographs[LoadedSource]):
    """Photographs with an object's mask and its ImageNet class."""

    name = "photographs"
    spec_type = PhotographsSpec
    shorthand = "photographs[:NAME,…]"
    provides = "labelled"

    def __init__(self, spec: PhotographsSpec) -> None:
        self.spec, self.files = spec, FolderSource(FolderSpec(labels=photographs() / "labels.csv"))


class PhotographsCaptionsSource(_Photographs[CaptionedImage]):
    """Photographs with captions and boxes."""

    name = "photographs-captions"
    spec_type = PhotographsCaptionsSpec
    shorthand = "photographs-captions[:NAME,…]"
    provides = "captions"

    def __init__(self, spec: PhotographsCaptionsSpec) -> None:
        self.spec, folder = spec, photographs()
        lists = {name: folder / f"{name}.json" for name in ("captions", "instances")}
        self.files = CocoCaptionsSource(CocoCaptionsSpec(**lists))


def photographs() -> Path:
    """Return the folder of the photographs.

    Raises:
        SourceError: The distribution that carries them is missing.
    """
    found = find_spec(HOME)
    if found is None or found.origin is None:
        what = "the photographs come with the distribution editmill-tabletop, which is missing"
        raise SourceError(what, where="source", fix="pip install 'editmill[generate]'")
    return Path(found.origin).parent / "photographs"
