"""Any source as one of mere pictures, for what needs neither masks nor captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from editmill.generators.base import Array
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.base import CaptionSource, Source
from editmill.pipelines.sources.images import ImagesSource


@dataclass(frozen=True)
class Pictures:
    """The pictures of a source of any kind.

    ``picture`` decodes a record's to uint8 [H, W, 3] RGB, or raises SourceProblem.
    """

    source: Source | CaptionSource | ImagesSource
    picture: Callable[[SourceRecord], Array]

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def licence(self) -> str:
        """The source's licence as a whole."""
        return self.source.licence

    def records(self) -> Iterator[SourceRecord]:
        """Return every picture in the source's order; one that can't be used carries its problem."""
        return self.source.records()

    @classmethod
    def of_labelled(cls, source: Source) -> Pictures:
        """Return those of labelled objects with masks."""
        return cls(source, lambda record: source.load(record).image)

    @classmethod
    def of_captioned(cls, source: CaptionSource) -> Pictures:
        """Return those of captioned images."""
        return cls(source, lambda record: source.load_captioned(record).image)
