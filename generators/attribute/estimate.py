"""What edits of photographs would cost, guessed from counts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from editmill.generators.attribute.edits import kind_of, named
from editmill.generators.attribute.settings import GUIDED_COST, AttributeSettings
from editmill.generators.base.family import Estimate
from editmill.generators.base.samples import PlannedSample
from editmill.generators.models.pack import PackSpec

# Measured on tabletop scenes and photographs: all members of a sample together, in bytes per pixel.
BYTES_PER_PIXEL = 1.8
# Measured with the embedded pack, in evaluations of its inpainting: a guided evaluation (it also decodes, and
# differentiates that), and what guarding and encoding cost per sample.
GUIDED_PRICE, SAMPLE_PRICE = 3.5, 1


def estimate_attribute(settings: AttributeSettings, pack: PackSpec, samples: Sequence[PlannedSample]) -> Estimate:
    """Return what a plan would cost at one attempt per sample."""
    faithful, steps = settings.render.mode == "faithful", settings.render.steps or pack.steps
    # Classifier-free guidance asks the network twice per step; pipelines leave it out up to a scale of 1.
    doubled = 2 if (settings.render.guidance or pack.guidance) > 1 else 1
    removed = {sample.source.id for sample in samples if kind_of(sample.edit.name).removes}
    whole = doubled * steps * (len(removed) + sum(sample.edit.name == "background" for sample in samples))
    unguided, guided = _regenerated(settings, samples)
    latent, pixel, priced = whole, 0, float(whole)
    if faithful:
        # The last step is never guided.
        further = settings.render.faithful.executed - 1
        pixel = unguided * (1 + further) + guided * (1 + GUIDED_COST * further)
    else:
        # As diffusers cuts its schedule.
        part = doubled * min(steps, int(steps * settings.render.strength))
        latent, priced = whole + part * (unguided + guided), whole + part * (unguided + GUIDED_PRICE * guided)
    seconds = (
        pack.cpu_seconds_per_evaluation * (priced + SAMPLE_PRICE * len(samples))
        + pack.cpu_seconds_per_pixel_evaluation * pixel
    )
    size = sum(sample.source.width * sample.source.height for sample in samples) * BYTES_PER_PIXEL / 1e6
    return Estimate(latent + pixel, round(size, 3), round(seconds / 60, 2))


def _regenerated(settings: AttributeSettings, samples: Sequence[PlannedSample]) -> tuple[int, int]:
    """Return backgrounds generated anew without guidance and with it.

    Guided ones are compared with a round trip, planned or not.
    """
    names = Counter(sample.edit.name for sample in samples)
    trips, steered = (
        {(sample.source.id, sample.replica) for sample in samples if sample.edit.name in edits}
        for edits in (("round-trip",), named("guided"))
    )
    guided = sum(names[name] for name in named("guided"))
    unguided = len(trips | steered)
    if settings.render.mode == "faithful":
        unguided += sum(
            count for name, count in names.items() if name not in (*named("copied"), *named("guided"), "round-trip")
        )
        if "guided-zero" in settings.render.faithful.compat:
            return 0, unguided + guided
    return unguided, guided
