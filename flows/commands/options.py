"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from editmill.generators.models.loading import Placement
    from editmill.pipelines.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


def recipe_options(function: F) -> F:
    """Return RECIPE with --source, --models, --shards and --set."""
    options = (
        click.argument("recipe"),
        click.option(
            "--source",
            default="",
            help="tabletop[:SPLIT], folder:LABELS.csv, coco:INSTANCES.json or imagenet-s:ROOT; for captions "
            "tabletop-captions[:SPLIT], coco-captions:CAPTIONS.json[,INSTANCES.json], jsonl:FILE or "
            "webdataset:SHARDS.tar; for watermarks images:FOLDER too; default: the recipe's.",
        ),
        click.option(
            "--models", default="", help="Model pack: tabletop, sd15, or a pack's .yaml file; default: the recipe's."
        ),
        click.option("--shards", type=click.IntRange(1), help="Number of shards; default: the recipe's."),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="A.B=VALUE",
            help="Change a field of the recipe, such as source.count=100.",
        ),
    )
    return _apply(function, options)


def placement_options(function: F) -> F:
    """Return --device, --dtype, --offload and --models-dir."""
    options = (
        click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps, or auto."),
        click.option(
            "--dtype",
            type=click.Choice(["float32", "bfloat16", "float16"]),
            default="float32",
            show_default=True,
            help="Precision.",
        ),
        click.option(
            "--offload",
            type=click.Choice(["none", "model"]),
            default="none",
            show_default=True,
            help="Keep idle models in host memory.",
        ),
        click.option(
            "--models-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder with public checkpoints, as ORGANISATION/NAME.",
        ),
    )
    return _apply(function, options)


def _apply(function: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def make_plan_from(recipe: str, source: str, models: str, shards: int | None, overrides: tuple[str, ...]) -> Plan:
    """Return the plan that the shared options describe; warns of sources that no other can lend its background."""
    from editmill.pipelines.plan import make_plan
    from editmill.pipelines.recipe import load_recipe

    changes = (*overrides, *((f"shards={shards}",) if shards else ()))
    made = make_plan(load_recipe(recipe, source=source, models=models, overrides=changes))
    warning = _partnerless(made)
    if warning:
        click.echo(f"warning: {warning}", err=True)
    return made


def _partnerless(plan: Plan) -> str:
    """Return what is wrong where planned edits need another source's background and there is none; "" elsewhere."""
    from editmill.generators.attribute.partners import NO_PARTNER, NO_PARTNER_FIX

    samples = (sample for shard in plan.shards for sample in shard)
    alone = {
        sample.source.id
        for sample in samples
        if dict(sample.edit.parameters).get("partner") == "" and not sample.source.problem
    }
    if not alone:
        return ""
    what = f"random-background can't be made of {len(alone)} of {plan.sources.count} sources: {NO_PARTNER}"
    return f"{what}\n  fix: {NO_PARTNER_FIX}"


def make_placement(device: str, dtype: str, offload: str, models_dir: Path | None) -> Placement:
    """Return the placement that the shared options describe."""
    from editmill.generators.models.loading import Placement

    return Placement(device=device, dtype=dtype, offload=offload, models_dir=models_dir)


def default_workers(placement: Placement) -> int:
    """Return one process per core on the CPU, one on an accelerator."""
    if placement.resolve().type != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
