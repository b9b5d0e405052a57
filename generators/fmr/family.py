"""Latent ascents that a guard still recognises (FMR) as a family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from editmill.generators.base.family import Asked, Build, Estimate, Family
from editmill.generators.base.reasons import SOURCE_FAULTS, Reason
from editmill.generators.base.samples import PlannedSample
from editmill.generators.base.worlds import refuse_unknown
from editmill.generators.fmr.settings import (
    ASCENT,
    LOOK_COST,
    ORIGINAL,
    RANDOM,
    ROUND_TRIP,
    SOURCE_COST,
    WALK_COST,
    FmrSettings,
)
from editmill.generators.guards.ensemble.regating import EnsembleRegating
from editmill.generators.guards.ensemble.scores import SCORE_NAMES
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import ModelError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from editmill.generators.fmr.making import FmrMaker

# Bytes of all members of a sample per pixel, and what a look costs, in evaluations of the pack's inpainting: measured
# on the embedded recipe.
BYTES_PER_PIXEL, LOOK_PRICE = 2.3, 9.0
FmrAsked = Asked[FmrSettings, EnsembleSettings]
FmrBuild = Build[FmrSettings, EnsembleSettings]


class FmrFamily(Family[FmrSettings, EnsembleSettings]):
    """Pictures made against classifiers, their round trips and random controls, by the ``fmr`` generator."""

    kind = "fmr"
    version = 3
    what = "ascended pictures"
    settings = FmrSettings
    guard = EnsembleSettings
    needs = "labelled"
    reasons = (GuardReason,)
    failures = frozenset({Reason.SOURCE_INELIGIBLE, Reason.SURROGATE_UNAWARE})
    # All budgets of an ascent together. A round trip that the guard refuses makes a source ineligible for a network;
    # where it refuses all of them, nothing of the network is left.
    parts = (("edit", "parameters.network", "parameters.target"),)
    excused = SOURCE_FAULTS
    regating = EnsembleRegating()
    calibrates = True

    def check(self, asked: FmrAsked) -> None:
        if asked.image != "png":
            raise ValueError("ascended pictures are stored as png, whose bytes the guards judged")

    def resolve(self, asked: FmrAsked) -> tuple[FmrSettings, list[str]]:
        what = "its classifiers and judges know none of their classes, and no sample would survive"
        refuse_unknown(asked.pack, asked.source_kind, asked.settings.unknown_world, what=what)
        return asked.settings, []

    def edit_names(self, settings: FmrSettings) -> tuple[str, ...]:
        return ORIGINAL, ROUND_TRIP, RANDOM, ASCENT

    def plan(self, asked: FmrAsked, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        planned = asked.settings.plan()
        for record in records:
            for label, edit in planned:
                yield PlannedSample(sample_key(record.id, label), record, edit)

    def lead(self, asked: FmrAsked, records: Sequence[SourceRecord]) -> tuple[SourceRecord, ...]:
        style = asked.settings.style
        usable = (record for record in records if not record.problem)
        return tuple(islice(usable, style.sources)) if style else ()

    def roles(self, asked: FmrAsked) -> list[str]:
        settings, guard, pack = asked.settings, asked.guard, asked.pack
        for target in settings.targets:
            _check_classifier(pack, target)
        needed = [*settings.networks, *settings.targets, "zero_shot", *guard.gate_roles(pack), *guard.verifiers]
        if asked.calibrated:
            needed += guard.calibration_roles(pack)
        return list(dict.fromkeys(needed))

    def reads_classes(self, asked: FmrAsked) -> bool:
        return asked.guard.reads_classes(asked.pack)

    def members(self, asked: FmrAsked) -> tuple[str, ...]:
        return "cls", "json", "png", "source.png"

    def score_names(self, asked: FmrAsked) -> tuple[str, ...]:
        return (*SCORE_NAMES, "label_margin")

    def maker(self, build: FmrBuild) -> FmrMaker:
        from editmill.generators.fmr.ensemble_oracle import EnsembleOracle
        from editmill.generators.fmr.guard import FmrGuard
        from editmill.generators.fmr.making import FmrMaker
        from editmill.generators.fmr.oracle import ZeroShotOracle
        from editmill.generators.guards.ensemble.ensemble import ensemble_of
        from editmill.generators.models.judge import ZeroShotJudge

        ensemble = ensemble_of(build.guard, build.models, build.class_names, build.report)
        judged, zero_shot = EnsembleOracle(ensemble), ZeroShotOracle(ZeroShotJudge(build.models), build.class_names)
        gates = ensemble.gate_digests()
        if build.settings.oracle == "zero_shot":
            return FmrMaker(build, FmrGuard(zero_shot, judged), binding={"zero_shot": gates["zero_shot"]})
        return FmrMaker(build, FmrGuard(judged, zero_shot), binding=gates)

    def estimate(self, asked: FmrAsked, samples: Iterable[PlannedSample]) -> Estimate:
        settings, pixels, sources = asked.settings, 0, 0
        for _, mine in groupby(samples, key=lambda sample: sample.source.id):
            sources += 1
            pixels += sum(sample.source.width * sample.source.height for sample in mine)
        looks = settings.budget + 1
        walks = len(settings.networks) * sources
        ascents = walks * len(settings.targets)
        evaluations = ascents * (SOURCE_COST + LOOK_COST * looks) + walks * (SOURCE_COST + WALK_COST * looks)
        seconds = asked.pack.cpu_seconds_per_evaluation * LOOK_PRICE * looks * (ascents + walks)
        return Estimate(evaluations, round(pixels * BYTES_PER_PIXEL / 1e6, 3), round(seconds / 60, 2))

    def together(self, asked: FmrAsked, batch: int) -> int:
        return asked.settings.group

    def calibrate(self, build: FmrBuild, records: Sequence[SourceRecord], options: Any) -> GuardReport:
        from editmill.generators.guards.ensemble.calibration import calibrate_ensemble

        return calibrate_ensemble(build, records, options, sourced=True)


def _check_classifier(pack: PackSpec, role: str) -> None:
    if role in pack.roles and not pack.entry(role).classifies:
        raise ModelError(
            f"the role {role!r} is not an image classifier but {pack.entry(role).cls}",
            where="generator.targets",
            fix="name roles such as classifier",
        )
