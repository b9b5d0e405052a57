"""The key bits of a watermark dataset, which its rows only commit to."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from editmill.flows.commands.options import LocalPath
from editmill.flows.commands.outputs import check_output, write_output


@click.command()
@click.argument("dataset")
@click.option(
    "--secret",
    type=LocalPath(),
    help="File that the dataset was made with (generator.secret_file).  [default: the secret that follows from the "
    "recipe's seed]",
)
@click.option("--output", type=LocalPath(), help="File to write instead of printing, a .csv file.")
def keys(dataset: str, secret: Path | None, output: Path | None) -> None:
    """Print the bits of every key in a dataset, embedded ones and those of negatives, each checked against its
    commitment.

    \b
    Examples:
      editmill keys out/watermark --output keys.csv
      editmill keys out/hidden --secret secret.bin --output keys.csv
    """
    from editmill.evaluators.watermark.keys import reveal_keys
    from editmill.manifests.reader import open_dataset

    if output is not None:
        check_output(output, "--output", suffixes=(".csv",))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("key_id", "source_id", "scheme", "embedded", "bits", "nonce"))
    writer.writerows(reveal_keys(open_dataset(dataset), secret))
    if output is None:
        click.echo(buffer.getvalue().rstrip("\n"))
        return
    write_output(output, buffer.getvalue().encode())
    click.echo(str(output))
