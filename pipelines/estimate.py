"""What a plan would cost, guessed from counts alone."""

from __future__ import annotations

from pipelines.packs import find_pack
from pipelines.plan import Plan

# Measured on tabletop scenes and photographs: all members of a sample together, in bytes per pixel.
BYTES_PER_PIXEL = 1.8


def estimate(plan: Plan) -> dict[str, float]:
    """Network evaluations, megabytes, and minutes of one CPU core (0 where the pack names no speed)."""
    pack, render = find_pack(plan.recipe.models), plan.recipe.generator.render
    steps = render.steps or pack.steps
    per_picture = steps * (2 if (render.guidance or pack.guidance) > 1 else 1)
    samples = [sample for shard in plan.shards for sample in shard]
    generated = sum(sample.edit.name == "background" for sample in samples)
    removed = {sample.source.id for sample in samples if sample.edit.name not in ("original", "full", "background")}
    evaluations = (generated + len(removed)) * per_picture
    size = sum(sample.source.width * sample.source.height for sample in samples) * BYTES_PER_PIXEL / 1e6
    return {
        "network_evaluations": evaluations, "megabytes": round(size, 3),
        "cpu_minutes": round(evaluations * pack.cpu_seconds_per_evaluation / 60, 2),
    }
