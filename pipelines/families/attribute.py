"""Attribute edits of labelled photographs (ImageNet-E) as a family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from editmill.generators.attribute.partners import PartnerPool
from editmill.generators.attribute.planning import AttributePlanner
from editmill.generators.attribute.rendering import AttributeRenderer
from editmill.generators.attribute.settings import AttributeSettings
from editmill.generators.guards.base import Guard
from editmill.generators.guards.complexity import ComplexityGuard
from editmill.generators.guards.duplicates import DuplicateGuard
from editmill.generators.guards.eligibility import SourceGuard
from editmill.generators.guards.halo import HaloGuard
from editmill.generators.guards.label import LabelGuard
from editmill.generators.guards.pixels import AreaGuard, BackgroundChangedGuard, ObjectPixelsGuard, SanityGuard
from editmill.generators.guards.placement import PlacementGuard
from editmill.generators.guards.removal import RemovalGuard
from editmill.generators.guards.rules import label_rule, measuring_guards, segmentation_rule
from editmill.generators.guards.segmentation import SegmentationGuard
from editmill.generators.guards.settings import GuardSettings
from editmill.generators.models.detector import Detector
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.segmenter import Segmenter
from editmill.manifests.errors import ModelError
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from editmill.pipelines.encode import MEMBERS
from editmill.pipelines.estimate import estimate_attribute
from editmill.pipelines.families.base import Builder, Setting
from editmill.pipelines.packs import find_pack
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sample import SampleBuilder
from editmill.pipelines.sources import AnySpec, Source, open_source

GUARDS: tuple[type[Guard], ...] = (
    SourceGuard,
    ObjectPixelsGuard,
    AreaGuard,
    PlacementGuard,
    SanityGuard,
    BackgroundChangedGuard,
    HaloGuard,
    ComplexityGuard,
    RemovalGuard,
    DuplicateGuard,
    SegmentationGuard,
    LabelGuard,
)
SCORE_NAMES: tuple[str, ...] = tuple(name for guard in GUARDS for name in guard.score_names)


def make_guards(rule: GuardSettings, models: Models, *, class_names: tuple[str, ...]) -> list[Guard]:
    """Return the guards of a recipe in the order of ``GUARDS``, without those whose roles the pack lacks."""
    judges = [ZeroShotJudge(models, role=role) for role in rule.judges if role in models.pack.roles]
    guards: list[Guard] = [*measuring_guards(rule)]
    detector = Detector(models) if "detector" in models.pack.roles else None
    if detector or judges:
        backgrounds = models.pack.backgrounds
        guards.append(
            RemovalGuard(
                judges,
                detector,
                backgrounds=backgrounds,
                probability=rule.removal_probability,
                threshold=rule.detection,
            )
        )
    if detector:
        guards.append(DuplicateGuard(detector, threshold=rule.detection))
    if "segmenter" in models.pack.roles:
        guards.append(SegmentationGuard(Segmenter(models), **vars(segmentation_rule(rule))))
    return [*guards, LabelGuard(*judges, class_names=class_names, **vars(label_rule(rule)))] if judges else guards


def _classifier(pack: PackSpec, role: str) -> str:
    """Return ``role``, if it is an image classifier of the pack."""
    cls = pack.entry(role).cls
    if "ForImageClassification" not in cls and not cls.startswith("torchvision.models."):
        what = f"the role {role!r} is no image classifier but {cls}"
        raise ModelError(what, where="generator.render.surrogate", fix="name a role such as classifier")
    return role


class AttributeFamily:
    """Edits of the background, size, position and direction of an object, by the ``attribute`` generator."""

    version = 6
    score_names = SCORE_NAMES

    def open(self, spec: AnySpec) -> Source:
        return open_source(spec)

    def plan(self, recipe: Recipe, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        by_id = {record.id: record for record in records}
        prompts = find_pack(recipe.models).backgrounds
        planner = AttributePlanner(
            settings_of(recipe), prompts=prompts, pool=PartnerPool(list(records)), seed=recipe.seed
        )
        for record in records:
            for edit, replica in planner.plan(record):
                partner = by_id.get(str(edit.get("partner", "")))
                yield PlannedSample(sample_key(record.id, edit.label, replica), record, edit, replica, partner)

    def roles(self, recipe: Recipe, pack: PackSpec) -> list[str]:
        render, edits = settings_of(recipe).render, {edit.name for edit in settings_of(recipe).edits}
        used = ["inpaint", *(["removal"] if "removal" in pack.roles else [])]
        if render.mode == "faithful":
            used.append("unconditional")
        if "adversarial" in edits:
            used.append(_classifier(pack, render.surrogate))
        return [*used, *(role for role in (*guard_of(recipe).judges, "detector", "segmenter") if role in pack.roles)]

    def asked(self, pack: PackSpec) -> dict[str, Any]:
        return pack.model_dump(mode="json", include={"backgrounds", "removal_prompt", "guidance", "steps"})

    def members(self, recipe: Recipe) -> tuple[str, ...]:
        return tuple(sorted((recipe.output.image, *MEMBERS)))

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        return {record.label: record.class_name for record in records}

    def builder(self, setting: Setting) -> Builder:
        recipe, models = setting.recipe, Models(find_pack(setting.recipe.models), setting.placement)
        digest = next(record.digest for record in setting.models if record.role == "inpaint")
        cache = setting.cache / "removal" if setting.cache is not None else None
        renderer = AttributeRenderer(
            settings_of(recipe), models, recipe_seed=recipe.seed, model_digest=digest, cache=cache
        )
        guards = make_guards(guard_of(recipe), models, class_names=setting.class_names)
        return SampleBuilder(
            recipe,
            open_source(recipe.source),
            renderer,
            guards,
            attempts=guard_of(recipe).attempts,
            fingerprint=setting.fingerprint,
        )

    def estimate(self, recipe: Recipe, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
        return estimate_attribute(settings_of(recipe), pack, samples)


def settings_of(recipe: Recipe) -> AttributeSettings:
    """Return the recipe's generator, which is of this family."""
    assert isinstance(recipe.generator, AttributeSettings)
    return recipe.generator


def guard_of(recipe: Recipe) -> GuardSettings:
    """Return the recipe's guard, which is of this family."""
    assert isinstance(recipe.guard, GuardSettings)
    return recipe.guard
