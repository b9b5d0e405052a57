"""What edits of photographs would cost, guessed from counts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from editmill.generators.attribute.edits import kind_of, named
from editmill.generators.attribute.settings import GUIDED_COST, AttributeSettings
from editmill.generators.base.family import Estimate
from editmill.generators.base.samples import PlannedSample
from editmill.generators.compositing.defaults import PATCH_SIDE
from editmill.generators.models.pack import PackSpec

# Measured on tabletop scenes and photographs: all members of a sample together, in bytes per pixel.
BYTES_PER_PIXEL = 1.8
# Measured with the embedded pack, in evaluations of its inpainting: a guided evaluation (it also decodes, and
# differentiates that).
GUIDED_PRICE = 3.5
# Measured on scenes and photographs, in seconds of a core per pixel: guarding and encoding a sample, and filling the
# hole of an object with patches, which are searched in pictures of a limited size.
SAMPLE_SECONDS, PATCH_SECONDS = 2e-6, 2e-5
# Pictures of one size alone share a call, so there are more sources than a call takes pictures.
SOURCES_PER_PICTURE = 2


def sources_together(batch: int) -> int:
    """Return how many sources are edited together, to fill batches of so many pictures."""
    return 1 if batch == 1 else SOURCES_PER_PICTURE * batch


@dataclass
class _Counted:
    """What a plan holds.

    Attributes:
        names: Samples by their edits' names.
        removed: Sources whose object is removed.
        trips: Round trips, planned or not: guided backgrounds are compared with one.
        pixels: Of all samples.
        patched: Pixels in which patches are searched, of sources whose object is removed.
    """

    names: Counter[str] = field(default_factory=Counter)
    removed: int = 0
    trips: int = 0
    pixels: int = 0
    patched: int = 0

    def add(self, samples: Sequence[PlannedSample]) -> None:
        """Count the samples of one source."""
        self.names.update(sample.edit.name for sample in samples)
        if any(kind_of(sample.edit.name).removes for sample in samples):
            self.removed += 1
            self.patched += min(samples[0].source.width * samples[0].source.height, PATCH_SIDE**2)
        compared = ("round-trip", *named("guided"))
        self.trips += len({sample.replica for sample in samples if sample.edit.name in compared})
        self.pixels += sum(sample.source.width * sample.source.height for sample in samples)


def estimate_attribute(settings: AttributeSettings, pack: PackSpec, samples: Iterable[PlannedSample]) -> Estimate:
    """Return what a plan would cost at one attempt per sample."""
    counted = _Counted()
    for _, mine in groupby(samples, key=lambda sample: sample.source.id):
        counted.add(list(mine))
    faithful, steps = settings.render.mode == "faithful", settings.render.steps or pack.steps
    patches = settings.render.removal == "patches"
    # Classifier-free guidance asks the network twice per step; pipelines leave it out up to a scale of 1.
    doubled = 2 if (settings.render.guidance or pack.guidance) > 1 else 1
    whole = doubled * steps * (counted.names["background"] + (0 if patches else counted.removed))
    unguided, guided = _regenerated(settings, counted)
    latent, pixel, priced = whole, 0, float(whole)
    if faithful:
        # The last step is never guided.
        further = settings.render.faithful.executed - 1
        pixel = unguided * (1 + further) + guided * (1 + GUIDED_COST * further)
    else:
        part = doubled * settings.render.steps_run(steps)
        latent, priced = whole + part * (unguided + guided), whole + part * (unguided + GUIDED_PRICE * guided)
    asked = pack.cpu_seconds_per_evaluation * priced + pack.cpu_seconds_per_pixel_evaluation * pixel
    own = SAMPLE_SECONDS * counted.pixels + PATCH_SECONDS * (counted.patched if patches else 0)
    # Without the network's part the rest would mislead.
    seconds = asked + own if asked or not latent + pixel else 0.0
    return Estimate(latent + pixel, round(counted.pixels * BYTES_PER_PIXEL / 1e6, 3), round(seconds / 60, 2))


def _regenerated(settings: AttributeSettings, counted: _Counted) -> tuple[int, int]:
    """Return backgrounds generated anew without guidance and with it."""
    guided, unguided = sum(counted.names[name] for name in named("guided")), counted.trips
    if settings.render.mode == "faithful":
        others = (*named("copied"), *named("guided"), "round-trip")
        unguided += sum(count for name, count in counted.names.items() if name not in others)
        if "guided-zero" in settings.render.faithful.compat:
            return 0, unguided + guided
    return unguided, guided
