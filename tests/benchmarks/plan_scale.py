"""Time and memory of planning many sources: ``python -m tests.benchmarks.plan_scale [SOURCES] [RECIPE]``.

The records are made up, so that planning alone is measured; memory is the highest level above the imports.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import patch

from editmill.manifests.records import SourceRecord
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan import Plan, make_plan, score_names_of
from editmill.pipelines.recipe import Recipe, load_recipe

CLASSES = 10


def made_up_records(count: int) -> Iterator[SourceRecord]:
    """Yield records of as many pictures, which nobody opens."""
    for number in range(count):
        label, digest = number % CLASSES, f"{number:064x}"
        yield SourceRecord(
            id=f"picture{number:07d}",
            image=f"{number}.png",
            mask=f"{number}-mask.png",
            label=label,
            class_name=f"class {label}",
            width=128,
            height=128,
            sha256=digest,
            mask_sha256=digest,
        )


def plan_made_up(recipe: Recipe, count: int) -> Plan:
    """Plan a recipe over made-up records."""
    source = SimpleNamespace(name="made-up", licence="", where="nowhere", records=lambda: made_up_records(count))
    with patch("editmill.pipelines.plan.open_source", lambda spec, needs: source):
        return make_plan(recipe)


def measure(count: int, name: str) -> None:
    """Plan a recipe over ``count`` records, and print what that took."""
    recipe = load_recipe(name)
    # What this imports is not the plan's.
    score_names_of(recipe, find_pack(recipe.models))
    before, started = _peak(), time.process_time()
    plan = plan_made_up(recipe, count)
    seconds, samples = time.process_time() - started, sum(plan.counts.values())
    megabytes = plan.file.path.stat().st_size / 1e6
    print(
        f"{name}: {count:,} sources, {samples:,} samples in {seconds:.1f} s of one core "
        f"({samples / seconds * 60 / 1e6:.2f} million a minute), {_peak() - before:.0f} MB of memory above "
        f"{before:.0f}, {megabytes:.0f} MB on the disk"
    )


def _peak() -> float:
    """Return the most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    given = sys.argv[1:]
    measure(int(given[0]) if given else 10_000, given[1] if len(given) > 1 else "imagenet-e")
