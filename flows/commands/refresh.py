"""The commands that keep versions of a dataset: refresh, rollback and diff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from editmill.flows.commands.build import print_counts
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
from editmill.flows.commands.outputs import plural
from editmill.manifests.errors import RequestError
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.urls import is_url

if TYPE_CHECKING:
    from editmill.pipelines.differences import Difference
    from editmill.pipelines.refresh import Refresh


class Share(click.ParamType[float]):
    """A share as ``20%`` or ``0.2``."""

    name = "share"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share as a fraction."""
        if isinstance(value, float):
            return value
        try:
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            fix = "a percentage such as 20%, or a fraction such as 0.2"
            raise RequestError(f"{value!r} is no share", where="--max-change", fix=fix)
        return share


@click.command()
@recipe_options
@placement_options
@click.option(
    "--root",
    type=LocalPath(folder=True, stores=True),
    required=True,
    help="Folder of the versions, here or in an object store; made if missing.",
)
@scratch_option
@cache_option
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option(
    "--max-change",
    type=Share(),
    default=0.2,
    show_default="20%",
    help="Refuse when more of the current samples would be gone or made anew.",
)
@click.option("--keep", type=click.IntRange(1), help="Versions that stay, the new one included.  [default: all]")
@click.option(
    "--forget",
    multiple=True,
    metavar="ID",
    help="First purge a source from all versions, for ever; may be repeated.",
)
@click.option("--allow-mixed-environment", "mixed", is_flag=True, help="Copy what other versions of libraries made.")
@workers_option
@click.option("--no-wait", is_flag=True, help="Refuse, instead of waiting, while another refresh is at work.")
def refresh(
    asked: Asked,
    machine: Machine,
    root: Path | str,
    scratch: Path | None,
    cache: Path | None,
    dry_run: bool,
    max_change: float,
    keep: int | None,
    forget: tuple[str, ...],
    mixed: bool,
    workers: int | None,
    no_wait: bool,
) -> None:
    """Bring a dataset up to date: build a new version beside the current one, verify it, and switch to it.

    Samples that are made from the same are copied, and untouched shards are linked. A failure leaves the current
    version. Where nothing has changed, nothing is built.

    \b
    Examples:
      editmill refresh imagenet-e --source folder:photos/labels.csv --root out/photos
      editmill refresh imagenet-e --source folder:photos/labels.csv --root out/photos --dry-run
      editmill refresh imagenet-e --source folder:photos/labels.csv --root out/photos --forget p17
    """
    from editmill.pipelines.build import build
    from editmill.pipelines.refresh import plan_refresh

    if forget and dry_run:
        fix = "leave one of them out"
        raise RequestError("what is purged can't be brought back, so nothing is tried", where="--forget", fix=fix)
    if forget:
        _take_down(root, forget, scratch)
    placement = machine.placement()
    how: dict[str, Any] = {"most": max_change, "mixed": mixed, "wait": not no_wait, "dry": dry_run, "scratch": scratch}
    with plan_refresh(asked.load(), root, placement, **how) as work:
        if work.done:
            click.echo(f"{root} is up to date: {work.version}")
            return
        _announce(work)
        if dry_run:
            return
        for notice in work.plan.notices():
            click.echo(f"warning: {notice}", err=True)
        if not work.ready:
            build(work.prepare(cache=cache), workers=workers or default_workers(placement))
        manifest = work.publish(keep=keep)
    print_counts(manifest, root)


def _take_down(root: Path | str, sources: tuple[str, ...], scratch: Path | None) -> None:
    from editmill.pipelines.stored_versions import take_down_stored
    from editmill.pipelines.takedown import take_down
    from editmill.pipelines.uploads import scratch_folder

    if is_url(root):
        lost = take_down_stored(RemoteFolder(root), scratch_folder(str(root), scratch), sources)
    else:
        lost = take_down(Path(root), sources)
    for version, count in lost.items():
        click.echo(f"{version}: {count} samples purged")


def _announce(work: Refresh) -> None:
    if work.old is None:
        samples, sources = sum(work.plan.counts.values()), work.plan.sources.count
        click.echo(f"the first version will be {work.version}: {samples} samples of {plural(sources, 'source')}")
        return
    from editmill.pipelines.changes import prose

    click.echo(prose(work.changes, work.version))


@click.command()
@click.argument("root", type=LocalPath(folder=True, stores=True))
@click.argument("version")
def rollback(root: Path | str, version: str) -> None:
    """Make an earlier version of a refreshed dataset, here or in an object store, the current one again.

    \b
    Example:
      editmill rollback out/photos 2.0.0
    """
    from editmill.pipelines.refresh import roll_back
    from editmill.pipelines.stored_versions import roll_back_stored

    if is_url(root):
        roll_back_stored(RemoteFolder(root), version)
    else:
        roll_back(Path(root), version)
    click.echo(f"{root} is {version} now")


@click.command()
@click.argument("before", type=LocalPath(folder=True, stores=True))
@click.argument("after", type=LocalPath(folder=True, stores=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every key.")
def diff(before: Path | str, after: Path | str, as_json: bool) -> None:
    """Say what differs between two datasets, here or in an object store, sample by sample.

    \b
    Examples:
      editmill diff out/photos/versions/1.0.0 out/photos
      editmill diff out/photos out/photos-2 --json
    """
    from editmill.pipelines.changes import prose
    from editmill.pipelines.differences import compare

    found: Difference = compare(before, after)
    click.echo(json.dumps(found.document(), indent=2) if as_json else prose(found, str(after)), nl=as_json)
