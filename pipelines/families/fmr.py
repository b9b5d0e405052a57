"""Latent ascents that a guard still recognises (FMR) as a family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from editmill.generators.guards.ensemble import pixels
from editmill.generators.guards.ensemble.settings import GATE_ROLES, EnsembleSettings
from editmill.generators.guards.ensemble.zero_shot import PREFIXES
from editmill.generators.guards.segmentation import SegmentationGuard
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.lama import ROLE as LAMA
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.synthesis.ensemble_oracle import EnsembleOracle
from editmill.generators.synthesis.fmr import FmrSettings
from editmill.generators.synthesis.fmr_guard import FmrGuard
from editmill.generators.synthesis.latent_ascent import LOOK_COST, SOURCE_COST, WALK_COST
from editmill.generators.synthesis.oracle import ZeroShotOracle
from editmill.manifests.errors import ModelError
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from editmill.pipelines.families.base import Builder, Setting
from editmill.pipelines.fmr import FmrBuilder, target_digests
from editmill.pipelines.fmr_rows import MEMBERS, FmrFacts
from editmill.pipelines.guarding import ensemble_of
from editmill.pipelines.packs import find_pack
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import AnySpec, Source, open_source

_JUDGED = ("margin", "margin_worst", "top1", "probability", "confidence", "odds")
SCORE_NAMES: tuple[str, ...] = (
    *pixels.SCORE_NAMES,
    *(f"{prefix}_{name}" for prefix in PREFIXES.values() for name in _JUDGED),
    "identity",
    "source_cosine",
    "object_score",
    "object_margin",
    "contrast",
    "black_share",
    "correlation",
    "background_change",
    *SegmentationGuard.score_names,
    "label_margin",
)
# Bytes of all members of a sample per pixel, and what a look costs, in evaluations of the pack's inpainting: measured
# on the embedded recipe.
BYTES_PER_PIXEL, LOOK_PRICE = 2.3, 9.0


class FmrFamily:
    """Pictures made against classifiers, their round trips and random controls, by the ``fmr`` generator."""

    version = 1
    score_names = SCORE_NAMES

    def open(self, spec: AnySpec) -> Source:
        return open_source(spec)

    def plan(self, recipe: Recipe, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        planned = settings_of(recipe).plan()
        for record in records:
            for label, edit in planned:
                yield PlannedSample(sample_key(record.id, label), record, edit, 0)

    def roles(self, recipe: Recipe, pack: PackSpec) -> list[str]:
        settings, guard = settings_of(recipe), guard_of(recipe)
        for target in settings.targets:
            _check_classifier(pack, target)
        guards = [role for role in GATE_ROLES if role in pack.roles and (role != "segmenter" or guard.segment)]
        needed = [*settings.networks, *settings.targets, "zero_shot", *guards, *guard.verifiers]
        if recipe.calibration is not None:
            needed += [
                role for role in ("vq", "autoencoder", LAMA if LAMA in pack.roles else "inpaint") if role in pack.roles
            ]
        return list(dict.fromkeys(needed))

    def asked(self, pack: PackSpec) -> dict[str, Any]:
        return pack.model_dump(mode="json", include={"backgrounds", "removal_prompt"})

    def members(self, recipe: Recipe) -> tuple[str, ...]:
        return MEMBERS

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        return {record.label: record.class_name for record in records}

    def builder(self, setting: Setting) -> Builder:
        recipe, models = setting.recipe, Models(find_pack(setting.recipe.models), setting.placement)
        settings = settings_of(recipe)
        ensemble = ensemble_of(recipe, models, class_names=setting.class_names, report=setting.report)
        judged, zero_shot = EnsembleOracle(ensemble), ZeroShotOracle(ZeroShotJudge(models), setting.class_names)
        gates = ensemble.gate_digests()
        if settings.oracle == "zero_shot":
            guard, binding = FmrGuard(zero_shot, judged), {"zero_shot": gates["zero_shot"]}
        else:
            guard, binding = FmrGuard(judged, zero_shot), gates
        report = setting.report.digest if setting.report is not None else ""
        facts = FmrFacts(target_digests(models, settings.targets), binding, report)
        return FmrBuilder(recipe, open_source(recipe.source), models, guard, facts, fingerprint=setting.fingerprint)

    def estimate(self, recipe: Recipe, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
        settings, sources = settings_of(recipe), len({sample.source.id for sample in samples})
        looks = settings.budget + 1
        ascents = len(settings.networks) * len(settings.targets) * sources
        walks = len(settings.networks) * sources
        evaluations = ascents * (SOURCE_COST + LOOK_COST * looks) + walks * (SOURCE_COST + WALK_COST * looks)
        pixels_stored = sum(sample.source.width * sample.source.height for sample in samples)
        seconds = pack.cpu_seconds_per_evaluation * LOOK_PRICE * looks * (ascents + walks)
        return {
            "network_evaluations": evaluations,
            "megabytes": round(pixels_stored * BYTES_PER_PIXEL / 1e6, 3),
            "cpu_minutes": round(seconds / 60, 2),
        }


def settings_of(recipe: Recipe) -> FmrSettings:
    """Return the recipe's generator, which is of this family."""
    assert isinstance(recipe.generator, FmrSettings)
    return recipe.generator


def guard_of(recipe: Recipe) -> EnsembleSettings:
    """Return the recipe's guard, which is of this family."""
    assert isinstance(recipe.guard, EnsembleSettings)
    return recipe.guard


def _check_classifier(pack: PackSpec, role: str) -> None:
    cls = pack.entry(role).cls
    if "ForImageClassification" not in cls and not cls.startswith("torchvision.models."):
        raise ModelError(
            f"the role {role!r} is no image classifier but {cls}",
            where="generator.targets",
            fix="name roles such as classifier",
        )
