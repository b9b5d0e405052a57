"""Pictures in coarse blocks, as a family: a family of any kind has this much to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt

from editmill.generators.base.edits import make_edit
from editmill.generators.base.family import Asked, Build, Estimate, Family, Settings
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from editmill_example.making import BlocksMaker


class BlocksSettings(Settings):
    """Sides of the blocks in pixels, one sample each beside the original."""

    kind: Literal["blocks"] = "blocks"
    sides: tuple[PositiveInt, ...] = Field((4,), min_length=1)


class BlocksGuard(Settings):
    """This family has no guards of its own."""

    kind: Literal["blocks"] = "blocks"


BlocksAsked = Asked[BlocksSettings, BlocksGuard]


class BlocksFamily(Family[BlocksSettings, BlocksGuard]):
    """Every picture as it is, and in blocks of each side."""

    kind = "blocks"
    version = 1
    what = "pictures in blocks"
    settings = BlocksSettings
    guard = BlocksGuard
    needs = "pictures"

    def edit_names(self, settings: BlocksSettings) -> tuple[str, ...]:
        return ("original", "blocks")

    def plan(self, asked: BlocksAsked, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        blocks = [make_edit("blocks", "blocks", level=side) for side in asked.settings.sides]
        for record in records:
            for edit in (make_edit("blocks", "original"), *blocks):
                yield PlannedSample(sample_key(record.id, edit.label), record, edit)

    def roles(self, asked: BlocksAsked) -> list[str]:
        return []

    def members(self, asked: BlocksAsked) -> tuple[str, ...]:
        return ("cls", "json", "png")

    def score_names(self, asked: BlocksAsked) -> tuple[str, ...]:
        return ("change",)

    def maker(self, build: Build[BlocksSettings, BlocksGuard]) -> BlocksMaker:
        from editmill_example.making import BlocksMaker

        return BlocksMaker(build.source)

    def estimate(self, asked: BlocksAsked, samples: Iterable[PlannedSample]) -> Estimate:
        pixels = sum(sample.source.width * sample.source.height for sample in samples)
        return Estimate(network_evaluations=0, megabytes=round(pixels / 1e6, 3), cpu_minutes=0.0)
