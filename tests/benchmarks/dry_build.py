"""A whole build without networks: plan, shards, assembly, check, and the memory that the process has meanwhile.

What it costs is what a build adds to its networks; memory that grows with the samples would end a large build.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from editmill.generators.attribute.family import AttributeFamily
from editmill.generators.attribute.guards.scores import SCORE_NAMES
from editmill.generators.base.images import encode_image
from editmill.generators.base.making import Maker
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample
from editmill.generators.models.placement import Placement
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import Done
from tests.benchmarks.comparing import note
from tests.benchmarks.plan_scale import plan_made_up

EDITS = "generator.edits=[{name: original}, {name: size, levels: [0.2, 0.1, 0.05]}, {name: position}]"
SAMPLES_PER_SOURCE = 5
PICTURE = encode_image(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8), "png")
MASK = encode_image(np.full((32, 32), 255, np.uint8), "png")


class NoMaker(Maker[None]):
    """Gives every sample the same pictures; of every tenth it refuses the first attempt."""

    attempts = 2

    def load(self, sample: PlannedSample) -> None:
        pass

    def make(self, jobs: Sequence[Job[None]]) -> list[Made]:
        return [self._made(job) for job in jobs]

    def _made(self, job: Job[None]) -> Made:
        edit, scores = job.sample.edit, dict.fromkeys(SCORE_NAMES, job.seed % 1000 / 1000)
        if job.seed % 10 == 0 and job.attempt == 0:
            return Made(reasons=(Reason.SANITY,), scores=scores)
        members = {"png": PICTURE, "mask.png": MASK, "alpha.png": MASK}
        return Made(members, scores=scores, facts={"edit": edit.name, "level": float(edit.level)}, cost=1)


def measure_dry_build(folder: Path, *, samples: int = 100_000, shards: int = 50) -> None:
    """Build, and compare the memory late in the shards with that early in them."""
    changes = (EDITS, f"shards={shards}")
    plan = plan_made_up(load_recipe("imagenet-e", overrides=changes), samples // SAMPLES_PER_SOURCE)
    memory: list[float] = []

    def advance(display: object, done: Done) -> None:
        memory.append(_megabytes())

    with (
        patch.object(AttributeFamily, "maker", lambda family, build: NoMaker()),
        patch("editmill.pipelines.build.Display.advance", advance),
    ):
        started = time.process_time()
        build(prepare(plan, folder, Placement(device="cpu")), progress=False)
        built = time.process_time()
    assembled = _megabytes()
    report = verify_dataset(folder)
    assert report.ok, report.problems[:3]
    fifth = len(memory) // 5
    early, late = (statistics.median(part) for part in (memory[fifth : 2 * fifth], memory[-fifth:]))
    note(
        f"{samples:,} samples without networks in {shards} shards",
        f"{early:.0f} MB early, {late:.0f} MB late (ratio {late / early:.3f}), at most {max(memory):.0f} MB, "
        f"{assembled:.0f} MB after assembly, {_megabytes():.0f} MB after the check; "
        f"{samples / (built - started):.0f} samples a second of one core",
        ratio=late / early,
        early=early,
        late=late,
        most=max(memory),
        assembled=assembled,
        verified=_megabytes(),
        per_second=samples / (built - started),
    )


def _megabytes() -> float:
    """Return the memory of this process, from what Linux says."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
