"""Planning: every sample of a dataset with its key, shard and resolved edit. CPU only, no models."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from editmill.manifests.canonical import digest
from editmill.manifests.keys import shard_of
from editmill.manifests.manifest import sources_digest
from editmill.manifests.records import SourcesRecord
from editmill.pipelines.families import family_of
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import AnySource


@dataclass(frozen=True)
class Plan:
    """A dataset's samples by shard, in source order, and its sources.

    ``content`` digests everything about them but file names.
    """

    recipe: Recipe
    shards: tuple[tuple[PlannedSample, ...], ...]
    sources: SourcesRecord
    content: str
    class_names: dict[int, str]

    def counts(self) -> dict[str, int]:
        """Return planned samples per edit label, in the recipe's order."""
        return dict(Counter(sample.edit.label for shard in self.shards for sample in shard))

    def problems(self) -> dict[str, str]:
        """Return sources that can't be used, with their reasons."""
        return {
            sample.source.id: sample.source.problem
            for shard in self.shards
            for sample in shard
            if sample.source.problem
        }


def make_plan(recipe: Recipe, *, source: AnySource | None = None) -> Plan:
    """Plan the whole dataset.

    Raises:
        SourceError: The source can't be read.
        ModelError: There is no such pack.
    """
    source = source or family_of(recipe).open(recipe.source)
    records = list(source.records())
    shards: list[list[PlannedSample]] = [[] for _ in range(recipe.shards)]
    for sample in family_of(recipe).plan(recipe, records):
        shards[shard_of(sample.source.id, recipe.shards)].append(sample)
    class_names = family_of(recipe).class_names(records)
    return Plan(
        recipe,
        tuple(tuple(shard) for shard in shards),
        SourcesRecord(name=source.name, count=len(records), licence=source.licence, digest=sources_digest(records)),
        digest([record.model_dump(mode="json", exclude={"image", "mask"}) for record in records]),
        dict(sorted(class_names.items())),
    )
