"""Checking a pack's models on this machine."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from editmill.flows.commands.options import Machine, placement_options
from editmill.flows.commands.outputs import columns
from editmill.manifests.errors import RequestError

if TYPE_CHECKING:
    from editmill.generators.models.pack import PackSpec
    from editmill.generators.models.trials import Trial


@click.command()
@click.argument("pack")
@click.option("--roles", "named", default="", metavar="A,B", help="These roles only; default: all.")
@placement_options
@click.option("--measure", is_flag=True, help="Measure the models too, with a pack that brings checks of its own.")
@click.option(
    "--scenes",
    type=click.IntRange(8),
    default=500,
    show_default=True,
    help="With --measure: held-out scenes for recognition, text and reconstruction.",
)
@click.option(
    "--edits",
    type=click.IntRange(4),
    default=64,
    show_default=True,
    help="With --measure: held-out scenes for checks that generate pictures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(pack: str, named: str, machine: Machine, measure: bool, scenes: int, edits: int, as_json: bool) -> None:
    """Load every role of a pack, run each once on a tiny input, and print what it took.

    Roles are loaded one at a time. In another precision than float32, the largest deviation from it on ten inputs is
    printed, as a share of the largest value. Exit 1 when a checkpoint is missing or fails, or a measured figure misses
    its bound.
    \b
    Examples:
      editmill models check sd15 --models-dir MODELS --device cuda --dtype float16
      editmill models check my.yaml --roles inpaint,zero_shot
      editmill models check tabletop --measure
    """
    from editmill.generators.models.pack import misspelt
    from editmill.generators.models.trials import try_role
    from editmill.manifests.progress import Progress
    from editmill.pipelines.packs import find_pack

    spec, placement = find_pack(pack), machine.placement()
    roles = [name.strip() for name in named.split(",")] if named else list(spec.roles)
    for role in roles:
        spec.entry(role)
    for notice in misspelt(spec):
        click.echo(f"warning: {notice}", err=True)
    own = _own_checks(spec, roles) if measure else None
    trials = [try_role(spec, role, placement) for role in Progress(roles, desc="checking", disable=as_json)]
    document: dict[str, Any] = {"pack": spec.name, "roles": [asdict(trial) for trial in trials]}
    if own is not None:
        chosen = [role for role in roles if role in own.CHECKS]
        figures = own.measure(spec, scenes=scenes, edits=edits, checks=chosen, progress=not as_json)
        document |= {"scenes": scenes, "edits": edits, "figures": figures, "short": own.shortfalls(figures)}
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        _show(trials)
    if own is not None and not as_json:
        _show_figures(document["figures"], document["short"], {">=": own.bounds(), "<=": own.limits()})
    sys.exit(1 if any(trial.problem for trial in trials) or document.get("short") else 0)


def _own_checks(pack: PackSpec, roles: Sequence[str]) -> Any:
    """Return the module with which a pack measures itself.

    Raises:
        RequestError: It brings none, or none for these roles.
    """
    if not (pack.folder / "check.py").is_file():
        raise RequestError(f"the pack {pack.name!r} brings no checks of its own", where="--measure", fix="leave it out")
    own = importlib.import_module(f"editmill.packs.{pack.name}.check")
    if not set(roles) & set(own.CHECKS):
        fix = f"one of {', '.join(own.CHECKS)}"
        raise RequestError(f"nothing is measured for the role {roles[0]!r}", where="--roles", fix=fix)
    return own


def _show(trials: Sequence[Trial]) -> None:
    head = ("role", "load", "run", "memory", "parameters", "precision", "deviation", "licence", "checkpoint")
    for line in columns([head, *map(_cells, trials)]):
        click.echo(line)
    for trial in trials:
        if trial.problem:
            click.echo(f"{trial.role}: {trial.problem}" + (f"\n  fix: {trial.fix}" if trial.fix else ""))


def _cells(trial: Trial) -> tuple[str, ...]:
    checkpoint = f"{trial.checkpoint}@{trial.revision}" if trial.revision else trial.checkpoint
    if trial.problem:
        return trial.role, "missing" if trial.missing else "failed", "", "", "", "", "", trial.licence, checkpoint
    return (
        trial.role,
        f"{trial.load_seconds:.1f} s",
        f"{trial.run_seconds:.1f} s",
        f"{trial.peak_bytes / 1e9:.2f} GB",
        f"{trial.parameters / 1e6:.1f} M",
        trial.precision,
        "" if trial.deviation is None else f"{trial.deviation:.2%}",
        trial.licence,
        checkpoint,
    )


def _show_figures(figures: dict[str, float], short: dict[str, float], bounds: dict[str, dict[str, float]]) -> None:
    for name, value in figures.items():
        wanted = " ".join(f"{sign} {bound[name]:g}" for sign, bound in bounds.items() if name in bound)
        click.echo(f"{name:34} {value:10.4f}  {wanted:18}{'falls short' if name in short else ''}".rstrip())
