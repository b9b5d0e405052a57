"""Makes pictures in coarse blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from editmill.generators.base.images import encode_image
from editmill.generators.base.loaded import LoadedPicture
from editmill.generators.base.making import Maker, check_record
from editmill.generators.base.samples import Job, Made, PlannedSample
from editmill.generators.base.sources import Source
from editmill.manifests.arrays import Picture


class BlocksMaker(Maker[LoadedPicture]):
    """Makes the pictures of one source after another; it needs no model."""

    def __init__(self, source: Source[Any]) -> None:
        self.source = source

    def load(self, sample: PlannedSample) -> LoadedPicture:
        check_record(sample.source)
        picture: LoadedPicture = self.source.load(sample.source)
        return picture

    def make(self, jobs: Sequence[Job[LoadedPicture]]) -> list[Made]:
        return [self._make(job) for job in jobs]

    def _make(self, job: Job[LoadedPicture]) -> Made:
        image, edit = job.loaded.image, job.sample.edit
        edited = in_blocks(image, int(edit.level)) if edit.level else image
        change = float(np.abs(edited.astype(float) - image).mean())
        facts = {"edit": edit.name, "level": float(edit.level)}
        return Made({"png": encode_image(edited, "png")}, scores={"change": change}, facts=facts)


def in_blocks(image: Picture, side: int) -> Picture:
    """Return the picture, uint8 [H, W, 3], with every pixel replaced by the mean of its block of ``side`` pixels."""
    edited = image.copy()
    for top in range(0, image.shape[0], side):
        for left in range(0, image.shape[1], side):
            block = (slice(top, top + side), slice(left, left + side))
            edited[block] = np.rint(image[block].mean(axis=(0, 1))).astype(np.uint8)
    return edited
