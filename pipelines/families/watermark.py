"""Regeneration of watermarks that the run embedded, as a family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.watermark.ledger import Ledger
from editmill.generators.watermark.planning import WatermarkPlanner
from editmill.generators.watermark.regeneration import Regenerator
from editmill.generators.watermark.schemes import make_scheme
from editmill.generators.watermark.settings import WatermarkSettings
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from editmill.pipelines.families.base import Builder, Setting
from editmill.pipelines.packs import find_pack
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import AnySpec, Pictures, open_pictures
from editmill.pipelines.watermarks import CLASS_NAMES, MEMBERS, ORIGINALS, SCORE_NAMES, WatermarkBuilder

# Measured on tabletop scenes and photographs: all members of a sample together, in bytes per pixel; a sample's marks,
# reading and scores, in evaluations of the pack's inpainting.
BYTES_PER_PIXEL, REFERENCE_BYTES_PER_PIXEL, SAMPLE_PRICE = 4.5, 1.5, 4


class WatermarkFamily:
    """Marks, attacks on them, and what decoders still read, by the ``watermark`` generator."""

    version = 1
    score_names = SCORE_NAMES

    def open(self, spec: AnySpec) -> Pictures:
        return open_pictures(spec)

    def plan(self, recipe: Recipe, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        planner = WatermarkPlanner(settings_of(recipe), seed=recipe.seed)
        for record in records:
            for label, edit, replica in planner.plan(record):
                yield PlannedSample(sample_key(record.id, label, replica), record, edit, replica)

    def roles(self, recipe: Recipe, pack: PackSpec) -> list[str]:
        attacks = settings_of(recipe).attacks
        generates = any(attack.generates for attack in attacks)
        needed = ["text_to_image", "controlnet", "image_adapter"] if generates else []
        if any(attack.start == "vae" for attack in attacks):
            needed.append("text_to_image" if "text_to_image" in pack.roles else "autoencoder")
        return list(dict.fromkeys((*needed, *(["image_encoder"] if "image_encoder" in pack.roles else []))))

    def asked(self, pack: PackSpec) -> dict[str, Any]:
        return {}

    def members(self, recipe: Recipe) -> tuple[str, ...]:
        return tuple(sorted((*MEMBERS, *(ORIGINALS if settings_of(recipe).originals == "stored" else ()))))

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        return dict(CLASS_NAMES)

    def builder(self, setting: Setting) -> Builder:
        recipe, models = setting.recipe, Models(find_pack(setting.recipe.models), setting.placement)
        settings = settings_of(recipe)
        encoder = ImageEncoder(models) if "image_encoder" in models.pack.roles else None
        return WatermarkBuilder(
            recipe,
            open_pictures(recipe.source),
            [make_scheme(one) for one in settings.schemes],
            Regenerator(settings, models, Ledger()),
            encoder,
            fingerprint=setting.fingerprint,
        )

    def estimate(self, recipe: Recipe, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
        settings = settings_of(recipe)
        doubled = 2 if settings.guidance > 1 else 1
        costs = {one.name: doubled * one.passes * settings.executed(one) for one in settings.attacks}
        evaluations = sum(costs[sample.edit.name] for sample in samples)
        pixels = sum(_framed(sample.source, settings) for sample in samples)
        bytes_per_pixel = BYTES_PER_PIXEL if settings.originals == "stored" else REFERENCE_BYTES_PER_PIXEL
        seconds = pack.cpu_seconds_per_evaluation * (evaluations + SAMPLE_PRICE * len(samples))
        return {
            "network_evaluations": evaluations,
            "megabytes": round(pixels * bytes_per_pixel / 1e6, 3),
            "cpu_minutes": round(seconds / 60, 2),
        }


def _framed(source: SourceRecord, settings: WatermarkSettings) -> int:
    """Return pixels of a source in the frame of its samples."""
    if settings.fit == "crop":
        return settings.side**2
    short = min(source.width, source.height)
    scale = min(1.0, settings.side / short) if settings.side and short else 1.0
    return round(source.width * source.height * scale**2)


def settings_of(recipe: Recipe) -> WatermarkSettings:
    """Return the recipe's generator, which is of this family."""
    assert isinstance(recipe.generator, WatermarkSettings)
    return recipe.generator
