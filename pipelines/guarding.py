"""The guard ensemble of a recipe: calibrated once, before anything is built, by a report that stays with the
dataset.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.models.loading import Models, Placement
from editmill.manifests.guard_report import (
    GUARD_REPORT,
    GuardReport,
    check_limits,
    read_guard_report,
    write_guard_report,
)
from editmill.manifests.records import SourceRecord
from editmill.pipelines.calibration import Calibrator, calibrate, make_remover
from editmill.pipelines.packs import find_pack
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import open_source

if TYPE_CHECKING:
    from editmill.pipelines.plan import Plan

# Generators whose pictures have a source that guards compare them with.
SOURCED = ("fmr",)


def ensemble_of(
    recipe: Recipe, models: Models, *, class_names: tuple[str, ...], report: GuardReport | None = None
) -> GuardEnsemble:
    """Return the recipe's ensemble, with the thresholds of ``report``, or with its gates' own limits without one.

    Raises:
        ModelError: The pack lacks what it needs.
    """
    assert isinstance(recipe.guard, EnsembleSettings)
    limits = Limits.of_report(report) if report is not None else None
    return GuardEnsemble(models, recipe.guard, class_names=class_names, limits=limits)


def calibration_records(recipe: Recipe) -> list[SourceRecord]:
    """Return the sources that the recipe's guards are calibrated on; those that can't be used are left out.

    Raises:
        SourceError: The source can't be read.
    """
    assert recipe.calibration is not None
    return [record for record in open_source(recipe.calibration.source).records() if not record.problem]


def calibrate_guards(plan: Plan, out: Path, placement: Placement) -> GuardReport | None:
    """Calibrate the guards of a plan, or read the report of a build that was begun in ``out``.

    None for recipes without calibration.

    Raises:
        DataError: The guards err more than the recipe allows; the report is written nevertheless, to be looked at.
    """
    if plan.recipe.calibration is None:
        return None
    if not (out / GUARD_REPORT).exists():
        write_guard_report(
            out, make_report(plan.recipe, placement, class_names=tuple(dict.fromkeys(plan.class_names.values())))
        )
    report = read_guard_report(out)
    check_limits(report)
    return report


def make_report(recipe: Recipe, placement: Placement, *, class_names: tuple[str, ...]) -> GuardReport:
    """Measure the recipe's guards on its calibration sources.

    Raises:
        RequestError: There are too few of them.
    """
    assert recipe.calibration is not None
    models = Models(find_pack(recipe.models), placement)
    calibrator = Calibrator(
        ensemble_of(recipe, models, class_names=class_names),
        sourced=recipe.generator.kind in SOURCED,
        remove_every=recipe.calibration.remove_every,
        seed=recipe.calibration.seed,
        remover=make_remover(models),
    )
    return calibrate(open_source(recipe.calibration.source), calibration_records(recipe), calibrator)
