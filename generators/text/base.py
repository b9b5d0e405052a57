"""What the text family's parts share: captioned images with what is known of their objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from editmill.manifests.records import SourceRecord

Array = np.ndarray
Box = tuple[float, float, float, float]


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
class CaptionedImage:
    """A source with its pixels, uint8 [H, W, 3] RGB, its captions (in the record) and the objects that the source
    names.
    """

    record: SourceRecord
    image: Array
    objects: tuple[GoldObject, ...] = ()
