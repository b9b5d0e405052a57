"""What a family of edits brings to the pipelines: its plan, the roles it needs, and a builder of its samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from editmill.generators.models.loading import Placement
from editmill.generators.models.pack import PackSpec
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import ModelRecord, SampleRow, SourceRecord
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import AnySource, AnySpec

Built = tuple[SampleRow, dict[str, bytes]]


@dataclass(frozen=True)
class Setting:
    """What the samples of one build share.

    ``cache`` is a folder for what several shards need, or None when nothing is written; ``report`` is what calibration
    found of the guards, None without any.
    """

    # A recipe may hold values that have no hash; the fingerprint tells it.
    recipe: Recipe = field(hash=False)
    fingerprint: str
    class_names: tuple[str, ...]
    models: tuple[ModelRecord, ...]
    cache: Path | None
    placement: Placement
    report: GuardReport | None = field(default=None, hash=False)


class Builder(Protocol):
    """Builds planned samples with one set of models."""

    def build(self, samples: Sequence[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""


class Family(Protocol):
    """One kind of generator.

    Attributes:
        version: Raised whenever rendering, guarding or encoding changes what is stored.
        score_names: Scores that rows may have.
    """

    version: int
    score_names: tuple[str, ...]

    def open(self, spec: AnySpec) -> AnySource:
        """Return the source of a recipe.

        Raises:
            SourceError: It can't be read, or is not of the kind that the family edits.
        """

    def plan(self, recipe: Recipe, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        """Return every sample of a dataset, in source order."""

    def roles(self, recipe: Recipe, pack: PackSpec) -> list[str]:
        """Return the roles of ``pack`` that edits and guards use, the guards' as far as the pack has them."""

    def asked(self, pack: PackSpec) -> dict[str, Any]:
        """Return facts of the pack, beside its models, that the samples depend on, as JSON values."""

    def members(self, recipe: Recipe) -> tuple[str, ...]:
        """Return member suffixes of every sample, sorted."""

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        """Return label to name; empty where samples have no labels."""

    def builder(self, setting: Setting) -> Builder:
        """Return a builder; its models load when they are first needed."""

    def estimate(self, recipe: Recipe, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
        """Return network evaluations, megabytes, and minutes of one CPU core (0 where the pack names no speed)."""
