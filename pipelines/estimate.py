"""What edits of photographs would cost, guessed from counts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from generators.attribute.faithful import GUIDED_COST
from generators.attribute.planning import COPIED, GUIDED, UNTOUCHED
from generators.attribute.settings import AttributeSettings
from generators.models.pack import PackSpec
from pipelines.planned import PlannedSample

# Measured on tabletop scenes and photographs: all members of a sample together, in bytes per pixel.
BYTES_PER_PIXEL = 1.8
UNREMOVED = (*UNTOUCHED, "background", "full")


def estimate_attribute(settings: AttributeSettings, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
    """Network evaluations, megabytes, and minutes of one CPU core (0 where the pack names no speed)."""
    render = settings.render
    per_picture = (render.steps or pack.steps) * (2 if (render.guidance or pack.guidance) > 1 else 1)
    names = Counter(sample.edit.name for sample in samples)
    removed = {sample.source.id for sample in samples if sample.edit.name not in UNREMOVED}
    evaluations = (names["background"] + len(removed)) * per_picture
    if render.mode == "faithful":
        plain = sum(count for name, count in names.items() if name not in COPIED and name not in GUIDED)
        evaluations += render.faithful.executed * (plain + GUIDED_COST * sum(names[name] for name in GUIDED))
    else:
        evaluations += round(per_picture * render.strength * sum(names[name] for name in ("round-trip", *GUIDED)))
    size = sum(sample.source.width * sample.source.height for sample in samples) * BYTES_PER_PIXEL / 1e6
    return {
        "network_evaluations": evaluations, "megabytes": round(size, 3),
        "cpu_minutes": round(evaluations * pack.cpu_seconds_per_evaluation / 60, 2),
    }
