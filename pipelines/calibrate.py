"""Calibration of a recipe's guards: once, before anything is built, by a report that stays with the dataset."""

from __future__ import annotations

import logging
from pathlib import Path

from editmill.generators.models.placement import Placement
from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.guard_report import (
    GUARD_REPORT,
    GuardReport,
    cautions,
    check_limits,
    find_guard_report,
    read_named_report,
    write_guard_report,
)
from editmill.manifests.store import Store
from editmill.manifests.versions import current_manifest
from editmill.pipelines.fingerprint import distinct_names
from editmill.pipelines.plan import Plan
from editmill.pipelines.shard import configure_process, make_build
from editmill.pipelines.spent import Account

logger = logging.getLogger("editmill.calibrate")


def calibrate_guards(
    plan: Plan, out: Path, placement: Placement, inputs: str, *, reuse: Path | None = None
) -> GuardReport | None:
    """Calibrate the guards of a plan, or read the report of a build that was begun in ``out``.

    None for recipes without calibration.

    Args:
        plan: The plan.
        out: Its dataset's folder.
        placement: Where models run.
        inputs: What a report has to be measured from.
        reuse: A finished dataset whose report serves too; None for none.

    Raises:
        DataError: The guards err more than the recipe allows; the report is written nevertheless, to be looked at.
    """
    if plan.recipe.calibration is None:
        return None
    # A build that goes on must keep the limits by which its finished shards were judged.
    report = _found(Store(out), inputs)
    if report is None:
        with Account(out, placement.resolve()):
            report = (reuse and _found(_entered(reuse), inputs)) or make_report(plan, placement, inputs)
        write_guard_report(out, report)
    for caution in cautions(report):
        logger.warning("%s", caution)
    check_limits(report)
    return report


def _entered(root: Path) -> Store:
    """Open a dataset's folder, or that of its current version."""
    store = Store(root)
    current_manifest(store)
    return store


def _found(store: Store, inputs: str) -> GuardReport | None:
    """Return the report in a store; None where it is missing, damaged, or measured from something else."""
    try:
        report = find_guard_report(store)
    except DataError as error:
        logger.warning("%s/%s: %s; calibrating again", store.root, GUARD_REPORT, error.what)
        return None
    return report if report is not None and report.inputs == inputs else None


def make_report(plan: Plan, placement: Placement, inputs: str) -> GuardReport:
    """Measure a plan's guards on its calibration sources; ``inputs`` is ``Identity.calibration`` of the plan.

    Raises:
        RequestError: The recipe has no calibration, or too few sources for one.
    """
    recipe = plan.recipe
    if recipe.calibration is None:
        raise RequestError("the recipe has no calibration", where="calibration", fix="add its source")
    # Thresholds follow from sums, which come out otherwise on several threads.
    configure_process(placement)
    build = make_build(recipe, plan.pack, placement, class_names=distinct_names(plan), source=recipe.calibration.source)
    report = recipe.family.calibrate(build, plan.calibration, recipe.calibration)
    return report.model_copy(update={"inputs": inputs})


def given_report(plan: Plan, path: Path) -> GuardReport:
    """Read a report that a user names for a plan.

    Raises:
        RequestError: The recipe has no calibration, or the file is no guard report's.
        DataError: It can't be read.
    """
    if plan.recipe.calibration is None:
        raise RequestError("the recipe has no calibration", where="--report", fix="leave --report out")
    return read_named_report(path)
