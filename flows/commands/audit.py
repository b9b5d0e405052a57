"""The command that audits a recipe's guards."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.options import Asked, Machine, placement_options, recipe_options

if TYPE_CHECKING:
    from editmill.generators.base.auditing import AuditRow


@click.command()
@recipe_options
@placement_options
@click.option(
    "-n",
    "sources",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Number of sources; at most what the recipe has.",
)
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="Least share of judged faults that each gate rejects.",
)
@click.option(
    "--most",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Largest share of judged clean pictures that it rejects.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit(asked: Asked, machine: Machine, sources: int, least: float, most: float, as_json: bool) -> None:
    """Show known faults and clean pictures to the recipe's guards.

    Exit 1 when one misses faults or rejects clean pictures.

    Every fault is made of the recipe's own sources, and each gate is asked about the faults that it is there for. Gates
    whose model the pack lacks, or that don't know a source's class, are not asked. The intervals are exact 95 % ones
    over sources.

    \b
    Examples:
      editmill audit imagenet-e
      editmill audit imagenet-e -n 20 --set guard.mask_iou=0.8
      editmill audit imagenet-e --source folder:photos/labels.csv --models sd15 --json
    """

    from editmill.pipelines.packs import find_pack
    from editmill.pipelines.shard import configure_process, make_build

    chosen = asked.load()
    placement = machine.placement()
    configure_process(placement)
    build = make_build(chosen, find_pack(chosen.models), placement, class_names=())
    rows = chosen.family.audit(build, sources=sources)
    broken = [row for row in rows if not row.holds(least=least, most=most)]
    if as_json:
        documents = [_document(row, row not in broken) for row in rows]
        click.echo(json.dumps({"ok": not broken, "least": least, "most": most, "rows": documents}, indent=2))
    else:
        _print_table(rows, broken)
    sys.exit(1 if broken else 0)


def _document(row: AuditRow, holds: bool) -> dict[str, object]:
    low, high = row.interval()
    return {
        "gate": row.gate,
        "kind": row.kind,
        "clean": row.clean,
        "pictures": row.pictures,
        "judged": row.judged,
        "rejected": row.rejected,
        "rate": row.rate if row.judged else None,
        "low": low,
        "high": high,
        "holds": holds,
    }


def _print_table(rows: Sequence[AuditRow], broken: list[AuditRow]) -> None:
    click.echo(f"{'gate':14} {'picture':28} {'should':8} {'judged':>9} {'rejected':>9}   rate  95 % interval")
    for row in (row for row in rows if row.judged or not row.clean):
        low, high = row.interval()
        figures = f"{row.rate:6.1%}  {low:.1%} to {high:.1%}" if row.judged else "     -  not asked"
        mark = "  BROKEN" if row in broken else ""
        should = "pass" if row.clean else "reject"
        click.echo(
            f"{row.gate:14} {row.kind:28} {should:8} {f'{row.judged}/{row.pictures}':>9} {row.rejected:9} "
            f"{figures}{mark}"
        )
    click.echo(f"{len(broken)} of {len(rows)} limits broken" if broken else f"all {len(rows)} limits hold")
