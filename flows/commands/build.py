"""Commands that plan and build."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.options import (
    Asked,
    LocalPath,
    Machine,
    cache_option,
    default_workers,
    placement_options,
    recipe_options,
    scratch_option,
    workers_option,
)
from editmill.flows.commands.outputs import check_output, plural, write_output
from editmill.manifests.errors import RequestError

if TYPE_CHECKING:
    from editmill.generators.base.family import Estimate
    from editmill.manifests.records import Manifest
    from editmill.pipelines.plan import Plan

# Shards whose samples `plan` counts one by one.
SHOWN = 16


@click.command()
@recipe_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(asked: Asked, as_json: bool) -> None:
    """Count what a build would make, per edit and shard; loads no model.

    \b
    Examples:
      editmill plan imagenet-e
      editmill plan imagenet-e --source coco:annotations/instances.json --shards 8
    """
    made = asked.plan()
    if made.unusable:
        click.echo(f"warning: {made.unusable}; a build of this plan is refused", err=True)
    guess, lost = made.recipe.family.estimate(made.asked, made.samples()), _lost(made)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "edits": made.counts,
                    "shards": [len(shard) for shard in made.shards],
                    "lost_in_a_crash": lost[1],
                    "problems": {identity: problem.reason for identity, problem in made.problems.items()},
                    **asdict(guess),
                },
                indent=2,
            )
        )
        return
    for label, count in made.counts.items():
        click.echo(f"{label:24} {count:8}")
    click.echo(f"{'all':24} {sum(made.counts.values()):8} samples of {plural(made.sources.count, 'source')}")
    for line in _shard_lines(made, guess, lost):
        click.echo(line)
    click.echo(
        f"about {guess.network_evaluations} network evaluations and {guess.megabytes:.1f} MB"
        + _minutes(guess.cpu_minutes)
    )
    for identity, problem in made.problems.items():
        click.echo(f"source {identity} can't be used: {problem.reason} ({problem.detail})", err=True)


def _shard_lines(made: Plan, guess: Estimate, lost: dict[int, int]) -> list[str]:
    """Return how many shards there are, how long one takes, and what a crash costs."""
    from editmill.pipelines.sharding import SECONDS, estimated_minutes

    listed, minutes = ", ".join(str(len(shard)) for shard in made.shards[:SHOWN]), estimated_minutes(guess)
    more = f" and {len(made.shards) - SHOWN} more" if len(made.shards) > SHOWN else ""
    speed = "" if guess.cpu_minutes else f", if an evaluation takes {SECONDS:g} s,"
    (_, alone), (batch, batched) = lost.items()
    part = minutes * alone / sum(made.counts.values())
    further = f", or {batched} in batches of {batch}" if batched > alone else ""
    return [
        f"shards: {listed}{more}",
        f"a shard takes about {minutes / len(made.shards):.1f} minutes{speed} and a crash costs each worker at most "
        f"{alone} samples ({part:.1f} minutes){further}",
    ]


def _lost(made: Plan) -> dict[int, int]:
    """Return the most samples that a worker makes together, and loses with a crash, by pictures in a batch."""
    most, family = max(len(shard) for shard in made.shards), made.recipe.family
    return {batch: min(most, made.largest * family.together(made.asked, batch)) for batch in (1, 8)}


def _minutes(minutes: float) -> str:
    return f"; about {minutes:.1f} minutes of one CPU core, if nothing has to be tried again" if minutes else ""


@click.command()
@recipe_options
@placement_options
@click.option("-n", "sources", type=click.IntRange(1, 200), default=4, show_default=True, help="Number of sources.")
@click.option(
    "--out",
    type=LocalPath(),
    default=Path("preview.png"),
    show_default=True,
    help="The picture, a .png file; folders above it are made.",
)
@click.option(
    "--report",
    type=LocalPath(),
    help="guard_report.json of `editmill calibrate`; without it, a recipe with a calibration is calibrated first.",
)
def preview(asked: Asked, machine: Machine, sources: int, out: Path, report: Path | None) -> None:
    """Render a few sources to a contact sheet PNG, without writing a dataset.

    \b
    Examples:
      editmill preview imagenet-e --source folder:photos/labels.csv -n 4
      editmill preview fmr --report out/guards/guard_report.json
    """
    from editmill.pipelines.calibrate import given_report
    from editmill.pipelines.preview import preview_plan

    check_output(out, "--out", suffixes=(".png",))
    made = asked.plan()
    given = None if report is None else given_report(made, report)
    sheet = preview_plan(made, machine.placement(), sources=sources, report=given)
    picture = io.BytesIO()
    sheet.save(picture, "PNG")
    write_output(out, picture.getvalue())
    click.echo(str(out))


@click.command()
@recipe_options
@placement_options
@click.option(
    "--out",
    type=LocalPath(folder=True, stores=True),
    required=True,
    help="Folder of the dataset, here or in an object store (s3://BUCKET/FOLDER); a build begun in it goes on.",
)
@scratch_option
@cache_option
@workers_option
@click.option(
    "--shard", metavar="I/N", help="Build only every N-th shard, beginning with number I (from 0), without assembly."
)
@click.option(
    "--reuse",
    metavar="OLD",
    type=LocalPath(folder=True, stores=True),
    help="A finished dataset or its URL: samples and shards that are made from the same are copied, not made again.",
)
@click.option("--allow-mixed-environment", "mixed", is_flag=True, help="Copy what other versions of libraries made.")
@click.option(
    "--no-wait", is_flag=True, help="Refuse where another process works in the folder, instead of waiting for it."
)
def build(
    asked: Asked,
    machine: Machine,
    out: Path | str,
    scratch: Path | None,
    cache: Path | None,
    workers: int | None,
    shard: str | None,
    reuse: Path | str | None,
    mixed: bool,
    no_wait: bool,
) -> None:
    """Build a dataset: edits, guards, shards, manifest. Run it again to resume.

    \b
    Examples:
      editmill build imagenet-e --out out/tabletop
      editmill build imagenet-e --source folder:photos/labels.csv --models sd15 --models-dir MODELS --out out/photos
      editmill build imagenet-e --source folder:photos/labels.csv --out out/photos-2 --reuse out/photos
      editmill build watermark --source images:s3://bucket/photos --out s3://bucket/set
      editmill build imagenet-e --out out/big --shards 8 --shard 0/2
    The last builds half of the shards; 1/2 on another machine builds the others, and then once without --shard.
    """
    from editmill.pipelines.build import build as run_build
    from editmill.pipelines.build import prepare
    from editmill.pipelines.uploads import check_reached

    part = None if shard is None else _every_nth(shard)
    check_reached(out)
    old = None if reuse is None else Path(reuse)
    made = asked.plan(like=old)
    placement = machine.placement()
    prepared = prepare(made, out, placement, wait=not no_wait, reuse=old, mixed=mixed, scratch=scratch, cache=cache)
    chosen = None if part is None else list(range(len(prepared.plan.shards)))[part]
    if prepared.complete:
        click.echo(f"{prepared.where} is complete and intact; nothing to build")
    manifest = run_build(prepared, workers=workers or default_workers(placement), shards=chosen, wait=not no_wait)
    if manifest is None:
        click.echo(f"built shards {', '.join(map(str, chosen or []))}; run without --shard to assemble")
    else:
        print_counts(manifest, prepared.where)


def _every_nth(text: str) -> slice:
    try:
        first, step = (int(part) for part in text.split("/"))
    except ValueError as error:
        raise RequestError(f"{text!r} is not of the form I/N", where="--shard", fix="such as 0/4") from error
    if not 0 <= first < step:
        raise RequestError(f"in {text!r} I must lie between 0 and N-1", where="--shard", fix="such as 0/4")
    return slice(first, None, step)


def print_counts(manifest: Manifest, out: str | Path) -> None:
    """Print what became of every edit.

    Raises:
        DataError: Nothing survived of a part of the dataset.
    """
    from editmill.pipelines.losses import check_losses
    from editmill.pipelines.spent import described

    for edit, statuses in manifest.counts.items():
        accepted = sum(statuses.get("ok", {}).values())
        lost = ", ".join(
            f"{count} {reason}"
            for status in ("rejected", "failed")
            for reason, count in statuses.get(status, {}).items()
        )
        click.echo(f"{edit:20} {accepted:6} accepted" + (f", not: {lost}" if lost else ""))
    _print_remarks(manifest, out)
    click.echo(f"{plural(manifest.samples, 'sample')} in {plural(len(manifest.shards), 'shard')}: {out}")
    if spent := described(out):
        click.echo(spent)
    check_losses(out)


def _print_remarks(manifest: Manifest, out: str | Path) -> None:
    """Print what the family's evaluator has to say of a finished dataset, such as quotas that were not filled."""
    from editmill.evaluators.registry import EVALUATORS
    from editmill.manifests.reader import open_dataset

    if manifest.generator in EVALUATORS:
        for line in EVALUATORS.get(manifest.generator).remarks(open_dataset(out)):
            click.echo(line)


@click.command()
@placement_options
@click.option(
    "--out",
    type=LocalPath(folder=True),
    default=Path("out/demo"),
    show_default=True,
    help="Folder of the two datasets and their report.",
)
@workers_option
def demo(machine: Machine, out: Path, workers: int | None) -> None:
    """Edit photographs that come along and scenes of the embedded pack; verify both, evaluate a classifier."""
    from editmill.flows.commands.demonstration import run_demo

    placement = machine.placement()
    result = run_demo(out, placement, workers=workers or default_workers(placement))
    for part in (result.photographs, result.scenes):
        click.echo(f"\n{part.out}")
        print_counts(part.manifest, part.out)
    click.echo(f"\n{result.table}\n")
    click.echo(f"photographs: {result.photographs.sheet}\nscenes:      {result.scenes.sheet}")
    click.echo(f"report:      {result.report}")
