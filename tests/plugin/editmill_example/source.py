"""Striped pictures of two classes, drawn on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from editmill.generators.base.loaded import LoadedPicture, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.arrays import Picture
from editmill.manifests.records import SourceRecord

CLASSES = ("upright", "lying")


class StripesSpec(Spec):
    """How many pictures, and their side in pixels."""

    kind: Literal["stripes"] = "stripes"
    count: int = Field(8, ge=1)
    side: int = Field(32, ge=8)


class StripesSource(Source[LoadedPicture]):
    """Pictures with upright or lying stripes, in turn."""

    spec_type = StripesSpec
    shorthand = "stripes[:COUNT]"
    provides = "pictures"
    name = "stripes"

    def __init__(self, spec: StripesSpec) -> None:
        self.spec, self.licence = spec, "CC0-1.0"

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        return {"count": int(rest)} if rest else {}

    def records(self) -> Iterator[SourceRecord]:
        for number in range(self.spec.count):
            yield SourceRecord(
                id=f"stripes-{number}",
                image=f"stripes:{number}",
                label=number % 2,
                class_name=CLASSES[number % 2],
                width=self.spec.side,
                height=self.spec.side,
                sha256=hashlib.sha256(self._draw(number).tobytes()).hexdigest(),
                licence=self.licence,
            )

    def load(self, record: SourceRecord) -> LoadedPicture:
        picture = self._draw(int(record.image.partition(":")[2]))
        if hashlib.sha256(picture.tobytes()).hexdigest() != record.sha256:
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.image} is not what it was when the dataset was planned")
        return LoadedPicture(record, picture)

    def _draw(self, number: int) -> Picture:
        lines = 30 * number % 256 + 40 * (np.arange(self.spec.side) // 4 % 2)
        grey = np.broadcast_to(lines.clip(0, 255).astype(np.uint8), (self.spec.side, self.spec.side))
        return np.repeat((grey if number % 2 == 0 else grey.T)[..., None], 3, axis=2)
