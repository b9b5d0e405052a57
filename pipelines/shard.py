"""Building one shard: idempotent, the unit that every engine runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import torch

from editmill.generators.models.loading import Placement
from editmill.manifests.guard_report import read_guard_report
from editmill.manifests.records import ModelRecord, SampleRow
from editmill.manifests.shard import write_shard
from editmill.manifests.stats import ShardStats, finished_shard, shard_stem
from editmill.pipelines.families import Builder, Setting, family_of
from editmill.pipelines.fingerprint import Identity
from editmill.pipelines.plan import Plan
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe

Progress = Callable[[int], object]


@dataclass(frozen=True)
class ShardTask:
    """Everything that building a shard needs, small enough to send to a process."""

    recipe: Recipe
    shard: int
    samples: tuple[PlannedSample, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    models: tuple[ModelRecord, ...]
    out: Path | None
    placement: Placement

    @classmethod
    def for_plan(
        cls, plan: Plan, shard: int, *, identity: Identity, out: Path | None, placement: Placement
    ) -> ShardTask:
        """Return the task of one shard of a plan; ``out`` is None when nothing is written."""
        return cls(
            recipe=plan.recipe,
            shard=shard,
            samples=plan.shards[shard],
            class_names=tuple(dict.fromkeys(plan.class_names.values())),
            fingerprint=identity.fingerprint,
            models=identity.models,
            out=out,
            placement=placement,
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


def configure_process(placement: Placement) -> None:
    """One thread on the CPU: sums in another order would give other bytes, and one process per core is faster."""
    cv2.setNumThreads(1)
    if placement.resolve().type == "cpu":
        torch.set_num_threads(1)


@lru_cache(maxsize=2)
def _builder(setting: Setting) -> Builder:
    return family_of(setting.recipe).builder(setting)


def sample_builder(task: ShardTask) -> Builder:
    """Return the builder for a task; its models load once per process."""
    # A changed source has another fingerprint, so that a long-lived process does not serve it from an old builder.
    cache = task.out / ".cache" if task.out is not None else None
    report = read_guard_report(task.out) if task.out is not None and task.recipe.calibration is not None else None
    return _builder(
        Setting(task.recipe, task.fingerprint, task.class_names, task.models, cache, task.placement, report)
    )


def build_shard(task: ShardTask, progress: Progress = lambda samples: None) -> ShardStats:
    """Build one shard, or return at once when it is finished and its digests hold.

    Args:
        task: What to build.
        progress: Called with the number of planned samples done since the last call.

    Raises:
        ModelError: A checkpoint is missing or does not load.
        OSError: The disk fails.
    """
    finished = finished_shard(task.folder, task.stem, fingerprint=task.fingerprint, deep=True)
    if finished is not None:
        progress(len(task.samples))
        return finished
    configure_process(task.placement)
    rows: list[SampleRow] = []

    def accepted() -> Iterator[tuple[str, dict[str, bytes]]]:
        for row, members in sample_builder(task).build(task.samples, shard=task.shard):
            rows.append(row)
            if members:
                yield row.key, members
            progress(1)

    assert task.out is not None
    family = family_of(task.recipe)
    return write_shard(
        task.out,
        accepted(),
        rows,
        name=task.recipe.name,
        split=task.recipe.split,
        shard=task.shard,
        fingerprint=task.fingerprint,
        members=family.members(task.recipe),
        score_names=family.score_names,
    )
