"""Calibration of a recipe's guards: once, before anything is built, by a report that stays with the dataset."""

from __future__ import annotations

import logging
from pathlib import Path

from editmill.generators.models.loading import Placement
from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.guard_report import (
    GUARD_REPORT,
    GuardReport,
    cautions,
    check_limits,
    read_guard_report,
    read_named_report,
    write_guard_report,
)
from editmill.pipelines.fingerprint import distinct_names
from editmill.pipelines.plan import Plan
from editmill.pipelines.shard import configure_process, make_build

logger = logging.getLogger("editmill.calibrate")


def calibrate_guards(plan: Plan, out: Path, placement: Placement) -> GuardReport | None:
    """Calibrate the guards of a plan, or read the report of a build that was begun in ``out``.

    None for recipes without calibration.

    Raises:
        DataError: The guards err more than the recipe allows; the report is written nevertheless, to be looked at.
    """
    if plan.recipe.calibration is None:
        return None
    # A build that goes on must keep the limits by which its finished shards were judged.
    try:
        report = read_guard_report(out)
    except DataError as error:
        # Missing, or damaged; measured again it comes out the same.
        if (out / GUARD_REPORT).exists():
            logger.warning("%s: %s; calibrating again", out / GUARD_REPORT, error.what)
        report = make_report(plan, placement)
        write_guard_report(out, report)
    for caution in cautions(report):
        logger.warning("%s", caution)
    check_limits(report)
    return report


def make_report(plan: Plan, placement: Placement) -> GuardReport:
    """Measure a plan's guards on its calibration sources.

    Raises:
        RequestError: The recipe has no calibration, or too few sources for one.
    """
    recipe = plan.recipe
    if recipe.calibration is None:
        raise RequestError("the recipe has no calibration", where="calibration", fix="add its source")
    # Thresholds follow from sums, which come out otherwise on several threads.
    configure_process(placement)
    build = make_build(recipe, plan.pack, placement, class_names=distinct_names(plan), source=recipe.calibration.source)
    return recipe.family.calibrate(build, plan.calibration, recipe.calibration)


def given_report(plan: Plan, path: Path) -> GuardReport:
    """Read a report that a user names for a plan.

    Raises:
        RequestError: The recipe has no calibration, or the file is no guard report's.
        DataError: It can't be read.
    """
    if plan.recipe.calibration is None:
        raise RequestError("the recipe has no calibration", where="--report", fix="leave --report out")
    return read_named_report(path)
