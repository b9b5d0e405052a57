"""The command that applies other thresholds to a finished dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.options import LocalPath, scratch_option
from editmill.manifests.errors import RequestError

if TYPE_CHECKING:
    from editmill.pipelines.regating.regate import Regating


@click.command()
@click.argument("dataset")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="guard.FIELD=VALUE",
    help="Change a threshold, such as guard.mask_iou=0.8.",
)
@click.option(
    "--report",
    type=LocalPath(),
    help="guard_report.json of another calibration, for guard ensembles.  [default: the dataset's own]",
)
@click.option("--version", default="", help="Version of the new dataset.  [default: the next minor one]")
@click.option(
    "--out",
    type=LocalPath(folder=True, stores=True),
    required=True,
    help="Folder of the new dataset, here or in an object store, which must not exist.",
)
@scratch_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def regate(
    dataset: str,
    overrides: tuple[str, ...],
    report: Path | None,
    version: str,
    out: Path | str,
    scratch: Path | None,
    as_json: bool,
) -> None:
    """Apply other thresholds to a finished dataset, from the scores in its rows: nothing is rendered, and no model is
    loaded.

    The new dataset holds the stored samples that pass, byte for byte, and a row for every planned sample. A sample that
    passes only now was never stored: it stays rejected, and is counted as one that needs rendering. docs/guards.md
    lists the thresholds.

    \b
    Examples:
      editmill regate out/photos --set guard.mask_iou=0.95 --out out/photos-strict
      editmill regate out/fmr --report calibration/guard_report.json --out out/fmr-2
    """
    from editmill.pipelines.regating.regate import regate as run

    if not overrides and report is None:
        raise RequestError(
            "there is nothing to apply",
            where="--set",
            fix="name a threshold, such as --set guard.mask_iou=0.95, or a --report",
        )
    result = run(dataset, out, overrides=overrides, report=report, version=version, scratch=scratch)
    if as_json:
        click.echo(json.dumps(_document(result, out), indent=2))
    else:
        _print(result, out)


def _document(result: Regating, out: Path | str) -> dict[str, object]:
    from editmill.pipelines.regating.regate import counts_of

    return {
        "out": str(out),
        "version": result.manifest.version,
        "fingerprint": result.manifest.fingerprint,
        "parent": result.parent.fingerprint,
        "before": counts_of(result.parent),
        "after": counts_of(result.manifest),
        "lost": list(result.lost),
        "needs_rendering": list(result.needs_rendering),
        "unexplained": list(result.unexplained),
    }


def _print(result: Regating, out: Path | str) -> None:
    from editmill.pipelines.regating.regate import counts_of

    before, after = counts_of(result.parent), counts_of(result.manifest)
    click.echo(f"{'':10} {'before':>8} {'after':>8}")
    for status in before:
        click.echo(f"{status:10} {before[status]:8} {after[status]:8}")
    click.echo(
        f"needs rendering: {len(result.needs_rendering)} rows in which a candidate passes whose pixels were never "
        "stored"
    )
    if result.unexplained:
        click.echo(
            f"unexplained: {len(result.unexplained)} rows whose stored verdict their scores don't give; what was not "
            "changed stays as it was"
        )
    click.echo(f"{out}: {result.manifest.name} {result.manifest.version}, {result.manifest.samples} samples")
