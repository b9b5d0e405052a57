"""Quotas that a build could not fill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from editmill.manifests.records import Manifest


def print_holes(manifest: Manifest, out: Path) -> None:
    """Print a line per class and conditioning of a synthesis dataset that lacks samples, with what ended the search.

    Nothing for other generators.
    """
    if manifest.generator != "synthesis":
        return
    from editmill.evaluators.synthesis.filling import find_holes
    from editmill.evaluators.synthesis.rows import read_rows
    from editmill.manifests.reader import open_dataset

    for hole in find_holes(read_rows(open_dataset(out))):
        why = ", ".join((*hole.stops, *hole.reasons))
        click.echo(f"hole: {hole.class_name}, {hole.conditioning}: {hole.missing} of {hole.planned} missing ({why})")
