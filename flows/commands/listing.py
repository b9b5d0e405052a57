"""What there is: recipes, one resolved recipe, model packs and their measured figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import yaml

from editmill.flows.commands.checking import check
from editmill.flows.commands.options import LocalPath
from editmill.flows.commands.outputs import columns
from editmill.manifests.yaml_text import YamlProblem, read_yaml


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recipes(as_json: bool) -> None:
    """List the recipes that come with editmill."""
    from editmill.pipelines.recipe import recipe_files

    found = {name: _described(path) for name, path in sorted(recipe_files().items())}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, description in found.items():
        click.echo(f"{name:21} {description}")


def _described(path: Path) -> str:
    """Return a recipe's description; the rest is not validated, as it may name a source that is not installed."""
    try:
        document = read_yaml(path)
    except YamlProblem:
        document = None
    return str(document.get("description", "")) if isinstance(document, dict) else f"({path.name} is no recipe)"


@click.command()
@click.argument("recipe")
@click.option("--source", default="", help="As for build.")
@click.option("--models", default="", help="As for build.")
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Change a field.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of YAML.")
def show(recipe: str, source: str, models: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print a recipe with every field resolved.

    \b
    Examples:
      editmill show imagenet-e
      editmill show imagenet-e --set guard.attempts=5 > mine.yaml
    """
    from editmill.pipelines.recipe import load_recipe

    # Showing a recipe runs nothing of what it names.
    document = load_recipe(recipe, source=source, models=models, overrides=overrides, allow_code=True).document()
    click.echo(
        json.dumps(document, indent=2)
        if as_json
        else yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip()
    )


@click.group(invoke_without_command=True)
@click.option("--models-dir", type=LocalPath(folder=True), help="Where public checkpoints are looked for.")
@click.option("--recipes", "by_recipe", is_flag=True, help="Print which packs serve which recipes instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def models(context: click.Context, models_dir: Path | None, by_recipe: bool, as_json: bool) -> None:
    """List model packs: roles, checkpoints, licences, present or not."""
    if context.invoked_subcommand is not None:
        return
    if by_recipe:
        _show_served(as_json)
        return
    from editmill.generators.models.checkpoints import is_present
    from editmill.pipelines.packs import find_pack, pack_names

    listing: dict[str, Any] = {}
    for name in pack_names():
        pack = find_pack(name)
        listing[name] = {
            role: {
                "class": entry.cls,
                "checkpoint": entry.repo or entry.made or entry.path,
                "revision": entry.revision,
                "licence": entry.licence,
                "present": is_present(pack, role, models_dir),
            }
            for role, entry in pack.roles.items()
        }
    if as_json:
        click.echo(json.dumps(listing, indent=2))
        return
    for name, roles in listing.items():
        click.echo(f"{name}: {find_pack(name).description}")
        for line in columns([_cells(role, facts) for role, facts in roles.items()]):
            click.echo(f"  {line}")


def _show_served(as_json: bool) -> None:
    """Print which packs serve which recipes, and what the others lack."""
    from editmill.pipelines.serving import served, served_table

    lines = [json.dumps(served(), indent=2)] if as_json else columns(served_table())
    for line in lines:
        click.echo(line)


def _cells(role: str, facts: dict[str, Any]) -> tuple[str, ...]:
    state = "present" if facts["present"] else "missing"
    return role, state, facts["checkpoint"], facts["licence"], facts["class"]


models.add_command(check)
