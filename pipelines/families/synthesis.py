"""Guarded synthesis with class-balanced quotas (ImageNet-G), as a family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from editmill.generators.guards.ensemble.settings import GATE_ROLES, EnsembleSettings
from editmill.generators.guards.ensemble.verifier import Verifier
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.synthesis.cells import class_anchors, plan_cells
from editmill.generators.synthesis.conditioning import ORIGINAL, SynthesisSettings
from editmill.generators.synthesis.proposing import Proposer, roles_of
from editmill.generators.synthesis.templates import CLIP_TEMPLATES, pack_templates
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from editmill.pipelines.families.base import Builder, Setting
from editmill.pipelines.guarding import ensemble_of
from editmill.pipelines.packs import find_pack
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import AnySource, AnySpec, open_pictures, open_source
from editmill.pipelines.synthesis import SynthesisBuilder
from editmill.pipelines.synthesis_rows import MEMBERS, SCORE_NAMES

# Measured on tabletop scenes: all members of a sample together, in bytes per pixel; a candidate's guards, in
# evaluations of the pack's inpainting.
BYTES_PER_PIXEL, CANDIDATE_PRICE = 2.0, 12


class SynthesisFamily:
    """Pictures of classes from text, from real pictures, and from both, by the ``synthesis`` generator."""

    version = 1
    score_names = SCORE_NAMES

    def open(self, spec: AnySpec) -> AnySource:
        return open_source(spec)

    def plan(self, recipe: Recipe, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        settings = settings_of(recipe)
        for cell in plan_cells(records, settings, templates_of(settings, find_pack(recipe.models)), seed=recipe.seed):
            source = cell.reference or cell.anchor
            yield PlannedSample(
                sample_key(source.id, cell.edit.label, cell.replica),
                cell.anchor,
                cell.edit,
                cell.replica,
                cell.reference,
            )

    def roles(self, recipe: Recipe, pack: PackSpec) -> list[str]:
        settings, guard = settings_of(recipe), recipe.guard
        assert isinstance(guard, EnsembleSettings)
        needed = [role for one in settings.conditionings for role in roles_of(one.name, tuple(pack.roles))]
        guards = [role for role in GATE_ROLES if role in pack.roles and (role != "segmenter" or guard.segment)]
        checker = ["safety_checker"] if "safety_checker" in pack.roles else []
        return list(dict.fromkeys((*needed, *guards, *checker, *guard.verifiers, *settings.selection.surrogates)))

    def asked(self, pack: PackSpec) -> dict[str, Any]:
        attributes = {name: list(group.words) for name, group in pack.attributes.items()}
        return {
            "backgrounds": list(pack.backgrounds),
            "guidance": pack.guidance,
            "steps": pack.steps,
            "attributes": attributes,
        }

    def members(self, recipe: Recipe) -> tuple[str, ...]:
        return MEMBERS

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        return {label: anchor.class_name for label, anchor in class_anchors(records).items()}

    def builder(self, setting: Setting) -> Builder:
        recipe, models = setting.recipe, Models(find_pack(setting.recipe.models), setting.placement)
        settings = settings_of(recipe)
        return SynthesisBuilder(
            recipe,
            open_pictures(recipe.source),
            Proposer(settings, models),
            ensemble_of(recipe, models, class_names=setting.class_names, report=setting.report),
            templates=templates_of(settings, models.pack),
            surrogates=[Verifier(models, role) for role in settings.selection.surrogates],
            report=setting.report,
            fingerprint=setting.fingerprint,
        )

    def estimate(self, recipe: Recipe, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
        settings = settings_of(recipe)
        steps = settings.steps or pack.steps
        costs = {ORIGINAL: 0}
        for one in settings.conditionings:
            executed = min(steps, int(steps * one.strength)) if one.name == "image-text" else steps
            costs[one.name] = executed * (2 if (one.guidance or pack.guidance) > 1 else 1)
        evaluations = sum(costs[sample.edit.name] for sample in samples)
        pixels = sum(settings.size**2 or sample.source.width * sample.source.height for sample in samples)
        seconds = pack.cpu_seconds_per_evaluation * (evaluations + CANDIDATE_PRICE * len(samples))
        return {
            "network_evaluations": evaluations,
            "megabytes": round(pixels * BYTES_PER_PIXEL / 1e6, 3),
            "cpu_minutes": round(seconds / 60, 2),
        }


def settings_of(recipe: Recipe) -> SynthesisSettings:
    """Return the recipe's generator, which is of this family."""
    assert isinstance(recipe.generator, SynthesisSettings)
    return recipe.generator


def templates_of(settings: SynthesisSettings, pack: PackSpec) -> tuple[str, ...]:
    """Return the prompt templates that a recipe names."""
    if isinstance(settings.templates, tuple):
        return settings.templates
    return {"clip": CLIP_TEMPLATES, "single": ("a photo of a {}",), "pack": pack_templates(pack)}[settings.templates]
