"""Guarded synthesis with class-balanced quotas (ImageNet-G), as a family."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from editmill.generators.base.family import Asked, Build, Estimate, Family
from editmill.generators.base.samples import PlannedSample
from editmill.generators.base.worlds import refuse_unknown
from editmill.generators.guards.ensemble.regating import EnsembleRegating
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.pack import PackSpec
from editmill.generators.synthesis.planning import class_anchors, plan_samples
from editmill.generators.synthesis.reasons import SynthesisReason
from editmill.generators.synthesis.scores import SCORE_NAMES
from editmill.generators.synthesis.settings import ORIGINAL, SynthesisSettings, roles_of
from editmill.generators.synthesis.templates import CLIP_TEMPLATES, pack_templates
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from editmill.generators.synthesis.making import SynthesisMaker

# Measured on tabletop scenes: all members of a sample together, in bytes per pixel; a candidate's guards, in
# evaluations of the pack's inpainting.
BYTES_PER_PIXEL, CANDIDATE_PRICE = 2.0, 12
SynthesisAsked = Asked[SynthesisSettings, EnsembleSettings]
SynthesisBuild = Build[SynthesisSettings, EnsembleSettings]


class SynthesisFamily(Family[SynthesisSettings, EnsembleSettings]):
    """Pictures of classes from text, from real pictures, and from both, by the ``synthesis`` generator."""

    kind = "synthesis"
    version = 3
    what = "generated pictures"
    settings = SynthesisSettings
    guard = EnsembleSettings
    needs = "pictures"
    reasons = (SynthesisReason, GuardReason)
    parts = (("edit",), ("class_name",))
    regating = EnsembleRegating()
    calibrates = True

    def resolve(self, asked: SynthesisAsked) -> tuple[SynthesisSettings, list[str]]:
        what = "it can neither draw their classes nor recognise them, and no sample would survive"
        refuse_unknown(asked.pack, asked.source_kind, asked.settings.unknown_world, what=what)
        drawing = [role for one in asked.settings.conditionings for role in roles_of(one.name, tuple(asked.pack.roles))]
        asked.pack.check_steps(drawing, asked.settings.steps or asked.pack.steps, where="generator.steps")
        return asked.settings, []

    def edit_names(self, settings: SynthesisSettings) -> tuple[str, ...]:
        return settings.kinds

    def plan(self, asked: SynthesisAsked, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        return plan_samples(records, asked.settings, templates_of(asked.settings, asked.pack), seed=asked.seed)

    def roles(self, asked: SynthesisAsked) -> list[str]:
        settings, guard, pack = asked.settings, asked.guard, asked.pack
        needed = [role for one in settings.conditionings for role in roles_of(one.name, tuple(pack.roles))]
        checker = ["safety_checker"] if "safety_checker" in pack.roles else []
        others = [*guard.gate_roles(pack), *checker, *guard.verifiers, *settings.selection.surrogates]
        if asked.calibrated:
            others += guard.calibration_roles(pack)
        return list(dict.fromkeys((*needed, *others)))

    def unit(self, asked: SynthesisAsked, sample: PlannedSample) -> Hashable:
        # Caps of a run end with what the whole shard has spent; duplicates are refused among the pictures of a class.
        return "" if asked.settings.budget.of_run else sample.source.id

    def reads_classes(self, asked: SynthesisAsked) -> bool:
        return asked.guard.reads_classes(asked.pack)

    def members(self, asked: SynthesisAsked) -> tuple[str, ...]:
        return "cls", "json", "png"

    def score_names(self, asked: SynthesisAsked) -> tuple[str, ...]:
        return SCORE_NAMES

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        return {label: anchor.class_name for label, anchor in class_anchors(records).items()}

    def maker(self, build: SynthesisBuild) -> SynthesisMaker:
        from editmill.generators.guards.ensemble.ensemble import ensemble_of
        from editmill.generators.guards.ensemble.verifier import Verifier
        from editmill.generators.synthesis.making import SynthesisMaker
        from editmill.generators.synthesis.proposing import Proposer

        settings, models = build.settings, build.models
        return SynthesisMaker(
            build,
            Proposer(settings, models),
            ensemble_of(build.guard, models, build.class_names, build.report),
            templates=templates_of(settings, build.pack),
            surrogates=[Verifier(models, role) for role in settings.selection.surrogates],
        )

    def estimate(self, asked: SynthesisAsked, samples: Iterable[PlannedSample]) -> Estimate:
        settings, pack = asked.settings, asked.pack
        steps = settings.steps or pack.steps
        costs = {ORIGINAL: 0}
        for one in settings.conditionings:
            executed = min(steps, int(steps * one.strength)) if one.name == "image-text" else steps
            costs[one.name] = executed * (2 if (one.guidance or pack.guidance) > 1 else 1)
        evaluations = pixels = count = 0
        for sample in samples:
            evaluations += costs[sample.edit.name]
            pixels += settings.size**2 or sample.source.width * sample.source.height
            count += 1
        seconds = pack.cpu_seconds_per_evaluation * (evaluations + CANDIDATE_PRICE * count)
        return Estimate(evaluations, round(pixels * BYTES_PER_PIXEL / 1e6, 3), round(seconds / 60, 2))

    def calibrate(self, build: SynthesisBuild, records: Sequence[SourceRecord], options: Any) -> GuardReport:
        from editmill.generators.guards.ensemble.calibration import calibrate_ensemble

        return calibrate_ensemble(build, records, options, sourced=False)


def templates_of(settings: SynthesisSettings, pack: PackSpec) -> tuple[str, ...]:
    """Return the prompt templates that a recipe names."""
    if isinstance(settings.templates, tuple):
        return settings.templates
    return {"clip": CLIP_TEMPLATES, "single": ("a photo of a {}",), "pack": pack_templates(pack)}[settings.templates]
