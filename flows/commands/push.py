"""The command that publishes a dataset on the Hugging Face Hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.outputs import plural

if TYPE_CHECKING:
    from editmill.manifests.hub import Parcel

LOADING = """\
load it with Hugging Face datasets:
  from datasets import load_dataset
  samples = load_dataset("{name}", split="{split}")"""


@click.command()
@click.argument("dataset")
@click.option("--to", "name", metavar="ORG/NAME", required=True, help="The repository; made if it is not there.")
@click.option("--private", is_flag=True, help="Make a new repository private; one that is there stays as it is.")
@click.option("--dry-run", is_flag=True, help="Only verify the dataset, and list what would go up.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def push(dataset: str, name: str, private: bool, dry_run: bool, as_json: bool) -> None:
    """Put a finished dataset on the Hugging Face Hub, with its card.

    The dataset is verified first. Of a folder of versions the current one goes up. The token is that of the environment
    (HF_TOKEN), or of `hf auth login`. Run the command again if it was cut off: what has arrived is not sent again. A
    version takes the place of an earlier one, and other files beside it stay. A repository of anything else is refused.

    \b
    Examples:
      editmill push out/photos --to my-lab/photos-e --dry-run
      HF_TOKEN=... editmill push out/photos --to my-lab/photos-e --private
    """
    from editmill.manifests.hub import check_name, pack, send

    check_name(name)
    parcel = pack(dataset, progress=not as_json)
    if not (parcel.manifest.sources.licence or private):
        click.echo("warning: the dataset states no licence of its sources; may everyone have them?", err=True)
    if not parcel.manifest.samples:
        click.echo("warning: the dataset holds no accepted sample, so that readers find nothing in it", err=True)
    address = "" if dry_run else send(parcel, name, private=private)
    if as_json:
        click.echo(json.dumps({"to": name, "address": address, "files": parcel.files}, indent=2))
        return
    if dry_run:
        for path, size in parcel.files.items():
            click.echo(f"{size:12}  {path}")
    click.echo(f"{address or name}: {_contents(parcel)}{' would go up' if dry_run else ''}")
    if not dry_run:
        click.echo(LOADING.format(name=name, split=_split(parcel)))


def _contents(parcel: Parcel) -> str:
    """Return what goes up, in words."""
    manifest, size = parcel.manifest, sum(parcel.files.values()) / 1e6
    holds = f"{plural(manifest.samples, 'sample')} in {plural(len(parcel.files), 'file')}"
    return f"{manifest.name} {manifest.version}, {holds} ({size:.1f} MB)"


def _split(parcel: Parcel) -> str:
    """Return the first split that has a sample, which is one that loaders find."""
    return next((shard.split for shard in parcel.manifest.shards if shard.nsamples), "test")
