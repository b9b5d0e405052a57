"""The command that measures a recipe's guards."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.options import Asked, LocalPath, Machine, placement_options, recipe_options
from editmill.manifests.errors import DataError, RequestError

if TYPE_CHECKING:
    from editmill.manifests.guard_report import ErrorRate, GuardReport


@click.command()
@recipe_options
@placement_options
@click.option(
    "--out",
    type=LocalPath(folder=True),
    required=True,
    help="Folder for guard_report.json; made if missing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def calibrate(asked: Asked, machine: Machine, out: Path, as_json: bool) -> None:
    """Calibrate the recipe's guards on its calibration sources; exit 1 when they err more than the recipe allows.

    False rejections are counted on clean pictures and their round trips, false accepts on pictures whose label our own
    edits destroyed; both by thresholds from other sources. The report is written in any case. `editmill build`
    calibrates by itself; in a folder of an unfinished build with this report it goes on from it.

    \b
    Examples:
      editmill calibrate imagenet-g --out out/guards
      editmill calibrate imagenet-g --out out/guards --set calibration.source.count=400 --set guard.far_upper_limit=0.05
      editmill calibrate imagenet-g --out out/guards --json
    """
    from editmill.manifests.guard_report import write_guard_report
    from editmill.pipelines.calibrate import make_report
    from editmill.pipelines.fingerprint import identify
    from editmill.pipelines.plan import make_plan

    chosen = asked.load()
    if chosen.calibration is None:
        fix = "add calibration: {source: …} to the recipe; recipes of guard ensembles, such as imagenet-g, have one"
        raise RequestError("the recipe has no calibration", where=asked.recipe, fix=fix)
    placement = machine.placement()
    plan = make_plan(chosen, rehash=asked.rehash)
    report = make_report(plan, placement, identify(plan, placement).calibration)
    out.mkdir(parents=True, exist_ok=True)
    write_guard_report(out, report)
    if not _print_report(report, out, as_json=as_json):
        sys.exit(1)


def _print_report(report: GuardReport, out: Path, *, as_json: bool) -> bool:
    """Print what was measured and what follows; return whether the guards keep their limits."""
    from editmill.manifests.guard_report import GUARD_REPORT, cautions, check_limits

    wrong = ""
    try:
        check_limits(report)
    except DataError as error:
        wrong = str(error)
    warnings = cautions(report)
    if as_json:
        document = {
            "ok": not wrong,
            "digest": report.digest,
            "unguardable": list(report.unguardable),
            "warnings": warnings,
            "report": report.model_dump(mode="json"),
        }
        click.echo(json.dumps(document, indent=2))
    else:
        _print_tables(report)
        click.echo(f"{out / GUARD_REPORT}, digest {report.digest[:12]}")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if wrong:
        click.echo(f"error: {wrong}", err=True)
    return not wrong


def _print_tables(report: GuardReport) -> None:
    rejections = {rate.member: rate for rate in report.false_rejections if rate.kind == "overall"}
    accepts = {rate.member: rate for rate in report.false_accepts if rate.kind == "overall"}
    click.echo(
        f"{'member':24} {'clean':>7} {'rejected':>9}  {'95 %':18} {'destroyed':>9} {'accepted':>9}  {'95 %':18} "
        f"{'upper':>7}"
    )
    for member in dict.fromkeys((*rejections, *accepts)):
        first, second = rejections.get(member), accepts.get(member)
        upper = f"{second.upper:7.2%}" if second and second.pictures else f"{'-':>7}"
        found = {"BLIND": report.blind, "NO EVIDENCE": report.unmeasured}
        said = "".join(f"  {word}" for word, members in found.items() if member in members)
        click.echo(f"{member:24} {_figures(first, 7)} {_figures(second, 9)} {upper}{said}")
    click.echo(f"{'limit of all classes':24} {'sources':>7} {'k':>9}  pooled")
    for limit in report.thresholds:
        if not limit.class_name:
            value = "the gate's own limit" if limit.threshold is None else f"{limit.threshold:.4f}"
            click.echo(f"{limit.gate:24} {limit.sources:7} {limit.rank:9}  {value}")
    click.echo(f"{'class':24} {'sources':>7} {'passed':>9}  recall by gate")
    for one in report.classes:
        recall = ", ".join(f"{gate} {value:.2%}" for gate, value in sorted(one.recall.items()))
        click.echo(
            f"{one.class_name:24} {one.sources:7} {one.passed:9.2%}  {recall}{'' if one.guardable else '  UNGUARDABLE'}"
        )
    click.echo(f"unguardable classes: {', '.join(report.unguardable) or 'none'}")


def _figures(rate: ErrorRate | None, width: int) -> str:
    if rate is None or not rate.pictures:
        return f"{'-':>{width}} {'-':>9}  {'':18}"
    return f"{rate.pictures:{width}} {rate.rate:9.2%}  {f'{rate.low:.2%} to {rate.high:.2%}':18}"
