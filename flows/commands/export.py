"""Exports of finished datasets into other layouts; they need the light installation only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.options import LocalPath, scratch_option
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import RequestError
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.urls import is_url

if TYPE_CHECKING:
    from editmill.evaluators.base import Exported


class ExportCommand(click.Command):
    """Lists the layouts in its help, which are not asked for before."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a paragraph per layout."""
        from editmill.evaluators import exporters

        with formatter.section("Layouts"):
            formatter.write_dl([(name, one.about) for name, one in exporters().items()])


@click.command(cls=ExportCommand)
@click.argument("dataset")
@click.option("--format", "form", metavar="LAYOUT", required=True, help="One of the layouts below.")
@click.option(
    "--to",
    "target",
    type=LocalPath(folder=True, stores=True),
    required=True,
    help="Folder to make, here or in an object store; must not exist, or be empty.",
)
@scratch_option
@click.option(
    "--pairs",
    type=click.Choice(["all", "complete"]),
    default="all",
    show_default=True,
    help="all: in each folder every source that was accepted there. "
    "complete: only sources that have an image in every folder that has any, so that all of these hold the same "
    "sources.",
)
@click.option(
    "--class-names",
    type=LocalPath(),
    metavar="FILE",
    help="Names of all classes, one a line in the order of labels, for layouts that need those the dataset lacks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    dataset: str,
    form: str,
    target: Path | str,
    scratch: Path | None,
    pairs: str,
    class_names: Path | None,
    as_json: bool,
) -> None:
    """Write a dataset as the folders that the loaders of others read.

    Folders without an image and samples that have no place in the layout are named on standard error.

    \b
    Examples:
      editmill export out/photos --format imagenet-e --to out/imagenet-e
      editmill export out/photos --format imagenet-e --to out/paired --pairs complete
      editmill export out/photos --format clip-benchmark --to out/clip --class-names imagenet.txt
    """
    from editmill.evaluators import exporters
    from editmill.evaluators.layouts.edits import name_classes
    from editmill.manifests.reader import open_dataset

    known = exporters()
    if form not in known:
        fix = f"use one of {', '.join(known)}, or install the package that brings it"
        raise RequestError(f"no layout is called {form!r}", where="--format", fix=fix)
    opened, complete = open_dataset(dataset), pairs == "complete"
    if class_names is not None:
        name_classes(opened, class_names)
    write = partial(known[form].write, opened, complete_pairs=complete, progress=not as_json)
    what = canonical_json({"fingerprint": opened.manifest.fingerprint, "format": form, "pairs": pairs})
    done = _write_stored(write, target, scratch, what) if is_url(target) else write(Path(target))
    if as_json:
        click.echo(json.dumps({"format": form, "target": str(target), **asdict(done)}, indent=2))
        return
    for folder, count in done.images.items():
        click.echo(f"{folder:12} {count:8} images")
    click.echo(f"{sum(done.images.values())} images of {done.sources} sources: {target}")
    for folder, reason in done.missing.items():
        click.echo(f"no image in folder {folder}: {reason}", err=True)
    for edit, count in done.left_out.items():
        click.echo(f"left out: {count} samples of {edit}, which the layout has no place for", err=True)


def _write_stored(write: Callable[[Path], Exported], url: str | Path, scratch: Path | None, what: bytes) -> Exported:
    """Write an export here first, and then put its files into an object store."""
    from editmill.pipelines.uploads import check_vacant, check_writable, lent, upload_files

    remote = RemoteFolder(url)
    check_vacant(remote, what)
    with lent(remote, scratch) as folder:
        check_writable(remote, folder)
        done = write(folder)
        upload_files(remote, folder, what)
        return done
