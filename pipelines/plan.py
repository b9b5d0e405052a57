"""Planning: every sample of a dataset with its key, shard and resolved edit. CPU only, no models."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from generators.attribute.partners import PartnerPool
from generators.attribute.planning import AttributePlanner
from generators.base import Edit
from manifests.canonical import digest
from manifests.keys import sample_key, shard_of
from manifests.manifest import sources_digest
from manifests.records import SourceRecord, SourcesRecord
from pipelines.packs import find_pack
from pipelines.recipe import Recipe
from pipelines.sources import Source, open_source


@dataclass(frozen=True)
class PlannedSample:
    """One sample to build. ``partner`` is the second source of edits that need one."""

    key: str
    source: SourceRecord
    edit: Edit
    replica: int
    partner: SourceRecord | None = None


@dataclass(frozen=True)
class Plan:
    """A dataset's samples by shard, in source order, and its sources; ``content`` digests everything about them but file names."""

    recipe: Recipe
    shards: tuple[tuple[PlannedSample, ...], ...]
    sources: SourcesRecord
    content: str
    class_names: dict[int, str]

    def counts(self) -> dict[str, int]:
        """Planned samples per edit label, in the recipe's order."""
        return dict(Counter(sample.edit.label for shard in self.shards for sample in shard))

    def problems(self) -> dict[str, str]:
        """Sources that can't be used, with their reasons."""
        return {sample.source.id: sample.source.problem for shard in self.shards for sample in shard if sample.source.problem}


def make_plan(recipe: Recipe, *, source: Source | None = None) -> Plan:
    """Plan the whole dataset.

    Raises:
        SourceError: the source can't be read.
        ModelError: there is no such pack.
    """
    source = source or open_source(recipe.source)
    records = list(source.records())
    by_id = {record.id: record for record in records}
    planner = AttributePlanner(
        recipe.generator, prompts=find_pack(recipe.models).backgrounds, pool=PartnerPool(records), seed=recipe.seed
    )
    shards: list[list[PlannedSample]] = [[] for _ in range(recipe.shards)]
    for record in records:
        shard = shards[shard_of(record.id, recipe.shards)]
        for edit, replica in planner.plan(record):
            partner = by_id.get(str(edit.get("partner", "")))
            shard.append(PlannedSample(sample_key(record.id, edit.label, replica), record, edit, replica, partner))
    class_names = {record.label: record.class_name for record in records}
    return Plan(
        recipe, tuple(tuple(shard) for shard in shards),
        SourcesRecord(name=source.name, count=len(records), licence=source.licence, digest=sources_digest(records)),
        digest([record.model_dump(mode="json", exclude={"image", "mask"}) for record in records]), dict(sorted(class_names.items())),
    )
