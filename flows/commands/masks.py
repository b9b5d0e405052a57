"""Masks for photographs that have none."""

from __future__ import annotations

import json
from pathlib import Path

import click

from editmill.flows.commands.options import LocalPath, Machine, placement_options
from editmill.manifests.errors import DataError, RequestError


@click.command()
@click.argument("source")
@click.option(
    "--models", default="tabletop", show_default=True, help="Model pack with a segmenter, or a pack's .yaml file."
)
@click.option(
    "--to",
    "target",
    type=LocalPath(folder=True),
    required=True,
    help="Folder to make; a run begun in it goes on.",
)
@click.option(
    "--prompt",
    type=click.Choice(["columns", "automatic", "detector"]),
    default="columns",
    show_default=True,
    help="Where prompts come from: the columns, nowhere, or the detector asked for the class name.",
)
@click.option(
    "--least-score",
    type=click.FloatRange(0, 1),
    default=0.6,
    show_default=True,
    help="Least IoU that the segmenter predicts.",
)
@click.option(
    "--least-stability",
    type=click.FloatRange(0, 1),
    default=0.92,
    show_default=True,
    help="Least IoU with the mask of its own box.",
)
@placement_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def masks(
    source: str,
    models: str,
    target: Path,
    prompt: str,
    least_score: float,
    least_stability: float,
    machine: Machine,
    as_json: bool,
) -> None:
    """Make masks for a folder of photographs, check them, and write a labels file to build from.

    \b
    SOURCE is folder:LABELS.csv with the columns file and imagenet_index (or label_index), and one of
      left, top, right, bottom     a box around the object, in pixels
      x, y, width, height          the same
      px, py                       a point on the object; several as 10;20 and 30;40
      none of these                the most central mask that fits the class is chosen
    A row whose mask column is filled keeps its mask. Rows that fail are listed in refused.csv, with the reason.
    \b
    Examples:
      editmill masks folder:photos/labels.csv --models sam.yaml --to photos-masked
      editmill masks folder:photos/labels.csv --models sam.yaml --prompt detector --to photos-masked
      editmill build imagenet-e --source folder:photos-masked/labels.csv --out out/photos
    """
    from editmill.generators.models.loading import Models
    from editmill.pipelines.masks.gate import MaskLimits
    from editmill.pipelines.masks.make import LABELS, REFUSALS, make_masks
    from editmill.pipelines.packs import find_pack
    from editmill.pipelines.shard import configure_process

    placement = machine.placement()
    labels, loaded = labels_of(source), Models(find_pack(models), placement)
    configure_process(placement)
    limits = MaskLimits(score=least_score, stability=least_stability)
    made = make_masks(labels, loaded, target, choice=prompt, limits=limits, progress=not as_json)  # type: ignore[arg-type]
    if as_json:
        counts = {"accepted": len(made.accepted), "refused": len(made.refused), "reused": made.reused}
        click.echo(
            json.dumps(
                {"labels": str(target / LABELS), **counts, "sources": made.sources(), "reasons": made.reasons()},
                indent=2,
            )
        )
    else:
        for name, count in {
            **made.sources(),
            **{f"refused: {reason}": count for reason, count in made.reasons().items()},
        }.items():
            click.echo(f"{name:32} {count:6}")
        click.echo(
            f"{len(made.accepted)} of {len(made.accepted) + len(made.refused)} photographs have a mask: "
            f"{target / LABELS}"
        )
    if not made.accepted:
        raise DataError(
            "no photograph has a mask that passed", where=str(target / REFUSALS), fix="see the reasons there"
        )


def labels_of(source: str) -> Path:
    """Return the labels file that ``folder:LABELS.csv`` or a plain path names.

    Raises:
        RequestError: Another kind of source, which has masks of its own.
    """
    kind, colon, rest = source.partition(":")
    if kind in ("tabletop", "coco", "imagenet-s"):
        raise RequestError(
            f"sources of the kind {kind!r} have masks of their own", where=source, fix="build from it directly"
        )
    return Path(rest if colon and kind == "folder" else source)
