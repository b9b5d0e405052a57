"""Sources with their pixels, and what keeps one from being used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.records import SourceRecord

Box = tuple[float, float, float, float]


class Unusable(Exception):
    """A source, or an edit of it, from which no sample can be made; it becomes a row with ``reason`` and the message.

    The message is part of released rows: it names files as the source's records do, never by folders of this machine.
    """

    def __init__(self, reason: StrEnum, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class LoadedPicture:
    """A source with its pixels, uint8 [H, W, 3] RGB."""

    record: SourceRecord
    image: Picture


@dataclass(frozen=True)
class LoadedSource(LoadedPicture):
    """A source with its object's mask, uint8 [H, W], 255 on the object."""

    mask: Mask


@dataclass(frozen=True)
class GoldObject:
    """An object that the source itself vouches for.

    Attributes:
        name: Its noun, singular, lower case.
        box: (left, top, right, bottom) in pixels, right and bottom exclusive.
        attributes: Value by group; "" where the object has none of the group, a missing group where the source doesn't
            say.
    """

    name: str
    box: Box
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CaptionedImage(LoadedPicture):
    """A source with its captions (in the record) and the objects that it names.

    Attributes:
        objects: What the source vouches for.
        detected: The name and the attribute of each box of a published detector, whose places are not known; None where
            the source brings none.
    """

    objects: tuple[GoldObject, ...] = ()
    detected: tuple[tuple[str, str], ...] | None = None
