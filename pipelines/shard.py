"""Building one shard: idempotent, the unit that every engine runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import cv2
import torch

from generators.attribute.rendering import AttributeRenderer
from generators.guards.base import Guard
from generators.guards.complexity import ComplexityGuard
from generators.guards.duplicates import DuplicateGuard
from generators.guards.eligibility import SourceGuard
from generators.guards.halo import HaloGuard
from generators.guards.label import LabelGuard
from generators.guards.pixels import AreaGuard, BackgroundChangedGuard, ObjectPixelsGuard, SanityGuard
from generators.guards.placement import PlacementGuard
from generators.guards.removal import RemovalGuard
from generators.guards.segmentation import SegmentationGuard
from generators.models.detector import Detector
from generators.models.judge import ZeroShotJudge
from generators.models.loading import Models, Placement
from generators.models.segmenter import Segmenter
from manifests.records import SampleRow
from manifests.shard import write_shard
from manifests.stats import ShardStats, finished_shard, shard_stem
from pipelines.encode import MEMBERS
from pipelines.fingerprint import Identity
from pipelines.packs import find_pack
from pipelines.plan import Plan, PlannedSample
from pipelines.recipe import GuardSettings, Recipe
from pipelines.sample import SampleBuilder
from pipelines.sources import open_source

Progress = Callable[[int], object]


@dataclass(frozen=True)
class ShardTask:
    """Everything that building a shard needs, small enough to send to a process."""

    recipe: Recipe
    shard: int
    samples: tuple[PlannedSample, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    inpaint_digest: str
    out: Path | None
    placement: Placement

    @classmethod
    def for_plan(cls, plan: Plan, shard: int, *, identity: Identity, out: Path | None, placement: Placement) -> ShardTask:
        """The task of one shard of a plan; ``out`` is None when nothing is written."""
        digest = next(record.digest for record in identity.models if record.role == "inpaint")
        return cls(
            recipe=plan.recipe, shard=shard, samples=plan.shards[shard], class_names=tuple(dict.fromkeys(plan.class_names.values())),
            fingerprint=identity.fingerprint, inpaint_digest=digest, out=out, placement=placement,
        )

    @property
    def folder(self) -> Path:
        """The split's folder."""
        assert self.out is not None
        return self.out / self.recipe.split

    @property
    def stem(self) -> str:
        """The shard's file name without suffix."""
        return shard_stem(self.recipe.name, self.shard)


def member_names(recipe: Recipe) -> tuple[str, ...]:
    """Member suffixes of every sample, sorted."""
    return tuple(sorted((recipe.output.image, *MEMBERS)))


def configure_process(placement: Placement) -> None:
    """One thread on the CPU: sums in another order would give other bytes, and one process per core is faster."""
    cv2.setNumThreads(1)
    if placement.resolve().type == "cpu":
        torch.set_num_threads(1)


GUARDS: tuple[type[Guard], ...] = (
    SourceGuard, ObjectPixelsGuard, AreaGuard, PlacementGuard, SanityGuard, BackgroundChangedGuard, HaloGuard, ComplexityGuard, RemovalGuard,
    DuplicateGuard, SegmentationGuard, LabelGuard,
)
SCORE_NAMES: tuple[str, ...] = tuple(name for guard in GUARDS for name in guard.score_names)


def make_guards(rule: GuardSettings, models: Models, *, class_names: tuple[str, ...]) -> list[Guard]:
    """The guards of a recipe in the order of ``GUARDS``, without those whose roles the pack lacks."""
    judges = [ZeroShotJudge(models, role=role) for role in rule.judges if role in models.pack.roles]
    guards: list[Guard] = [
        SourceGuard(least_share=rule.least_share, most_share=rule.most_share, least_component=rule.least_component, border=rule.border),
        ObjectPixelsGuard(limit=rule.object_difference), AreaGuard(tolerance=rule.area_tolerance),
        PlacementGuard(centroid_tolerance=rule.centroid_tolerance, angle_tolerance=rule.angle_tolerance),
        SanityGuard(least_contrast=rule.contrast, most_black=rule.black, least_correlation=rule.correlation),
        BackgroundChangedGuard(least=rule.background_change), HaloGuard(limit=rule.halo, ratio=rule.halo_ratio),
        ComplexityGuard(margin=rule.complexity_margin),
    ]
    detector = Detector(models) if "detector" in models.pack.roles else None
    if detector or judges:
        backgrounds = models.pack.backgrounds
        guards.append(RemovalGuard(judges, detector, backgrounds=backgrounds, probability=rule.removal_probability, threshold=rule.detection))
    if detector:
        guards.append(DuplicateGuard(detector, threshold=rule.detection))
    if "segmenter" in models.pack.roles:
        limits = {"least_iou": rule.mask_iou, "least_small_iou": rule.small_mask_iou, "expansion": rule.expansion}
        guards.append(SegmentationGuard(Segmenter(models), **limits))
    return [*guards, LabelGuard(*judges, class_names=class_names, margin=rule.label_margin)] if judges else guards


@lru_cache(maxsize=2)
def _builder(
    fingerprint: str, recipe: Recipe, class_names: tuple[str, ...], inpaint_digest: str, cache: Path | None, placement: Placement
) -> SampleBuilder:
    # The fingerprint is not used, but keeps a long-lived process from serving a changed source from an old builder.
    models = Models(find_pack(recipe.models), placement)
    renderer = AttributeRenderer(recipe.generator, models, recipe_seed=recipe.seed, model_digest=inpaint_digest, cache=cache)
    guards = make_guards(recipe.guard, models, class_names=class_names)
    return SampleBuilder(recipe, open_source(recipe.source), renderer, guards)


def sample_builder(task: ShardTask) -> SampleBuilder:
    """The builder for a task; its models load once per process."""
    cache = task.out / ".cache" / "removal" if task.out is not None else None
    return _builder(task.fingerprint, task.recipe, task.class_names, task.inpaint_digest, cache, task.placement)


def build_shard(task: ShardTask, progress: Progress = lambda samples: None) -> ShardStats:
    """Build one shard, or return at once when it is finished and its digests hold.

    Args:
        task: what to build.
        progress: called with the number of planned samples done since the last call.

    Raises:
        ModelError: a checkpoint is missing or does not load.
        OSError: the disk fails.
    """
    finished = finished_shard(task.folder, task.stem, fingerprint=task.fingerprint, deep=True)
    if finished is not None:
        progress(len(task.samples))
        return finished
    configure_process(task.placement)
    rows: list[SampleRow] = []

    def accepted() -> Iterator[tuple[str, dict[str, bytes]]]:
        builder = sample_builder(task)
        for _, group in groupby(task.samples, key=lambda sample: sample.source.id):
            samples = list(group)
            for row, members in builder.build(samples, shard=task.shard, fingerprint=task.fingerprint):
                rows.append(row)
                if members:
                    yield row.key, members
            progress(len(samples))

    assert task.out is not None
    return write_shard(
        task.out, accepted(), rows, name=task.recipe.name, split=task.recipe.split, shard=task.shard, fingerprint=task.fingerprint,
        members=member_names(task.recipe), score_names=SCORE_NAMES,
    )
