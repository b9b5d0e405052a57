"""Exports of finished datasets into other layouts; they need the light installation only."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command()
@click.argument("dataset")
@click.option("--format", "form", type=click.Choice(["imagenet-e"]), required=True, help="The layout.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to make; must not exist, or be empty.",
)
@click.option(
    "--pairs",
    type=click.Choice(["all", "complete"]),
    default="all",
    show_default=True,
    help="all: in each folder every source that was accepted there. "
    "complete: only sources that have an image in every folder that is made, so that all folders hold the same "
    "sources.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(dataset: str, form: str, target: Path, pairs: str, as_json: bool) -> None:
    """Write a dataset as the folders that a benchmark's own loaders read.

    \b imagenet-e: the folders ori, rec, 20_smooth, 20_hard, 20_adv, random_bg, full, 01, 008, 005, rp and rd with one
    image per source, and labels.txt. A folder is made when the dataset has at least one accepted sample of its edit;
    with --pairs complete each source that was rejected in one of these is left out of all. Stored bytes are copied.
    Folders that are not made and samples that have no place in the layout are named on standard error. \b Examples:
      editmill export out/photos --format imagenet-e --to out/imagenet-e
      editmill export out/photos --format imagenet-e --to out/paired --pairs complete
    """
    from editmill.manifests.exports.imagenet_e import export_imagenet_e
    from editmill.manifests.reader import open_dataset

    done = export_imagenet_e(open_dataset(dataset), target, complete_pairs=pairs == "complete", progress=not as_json)
    if as_json:
        click.echo(json.dumps({"format": form, "target": str(target), **asdict(done)}, indent=2))
        return
    for folder, count in done.images.items():
        click.echo(f"{folder:12} {count:8} images")
    click.echo(f"{sum(done.images.values())} images of {done.sources} sources: {target}")
    for folder, reason in done.missing.items():
        click.echo(f"folder {folder} not made: {reason}", err=True)
    for edit, count in done.left_out.items():
        click.echo(f"left out: {count} samples of {edit}, which the layout has no folder for", err=True)
