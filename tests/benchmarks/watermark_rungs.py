"""What each rung of the watermark ladder costs: ``python -m tests.benchmarks.watermark_rungs``.

Every rung runs in a process of its own, on one thread, so that its peak memory is its own too; the models are part of
that.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from pathlib import Path

import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.generators.watermark.ledger import Ledger
from editmill.generators.watermark.regeneration import Regenerator
from editmill.generators.watermark.settings import WatermarkSettings
from editmill.pipelines.packs import find_pack
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_source

SCENES, START = 4, 700


def measure(name: str) -> tuple[float, float]:
    """Median CPU seconds per picture, and the process's peak memory in MB."""
    torch.set_num_threads(1)
    recipe = load_recipe("watermark", overrides=[f"source.count={SCENES + 1}", f"source.start={START}"])
    assert isinstance(recipe.generator, WatermarkSettings)
    attack = next(one for one in recipe.generator.attacks if one.name == name)
    regenerator = Regenerator(recipe.generator, Models(find_pack("tabletop"), Placement(device="cpu")), Ledger())
    source = open_source(recipe.source)
    seconds = []
    for record in source.records():
        item = regenerator.ledger.seal(source.load(record).image, source_id=record.id)
        started = time.process_time()
        regenerator.regenerate(item, attack, seed=1)
        seconds.append(time.process_time() - started)
    # The first picture loads the models.
    return statistics.median(seconds[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a row per rung of the recipe ``watermark``."""
    generator = load_recipe("watermark").generator
    assert isinstance(generator, WatermarkSettings)
    print(
        f"{'rung':20} {'seconds':>8} {'peak MB':>8}   (embedded pack, 128 x 128 pixels, one thread, "
        f"{Path(__file__).stem})"
    )
    context = multiprocessing.get_context("spawn")
    for attack in generator.attacks:
        with context.Pool(1) as pool:
            seconds, memory = pool.apply(measure, (attack.name,))
        print(f"{attack.name:20} {seconds:8.3f} {memory:8.0f}", flush=True)


if __name__ == "__main__":
    main()
