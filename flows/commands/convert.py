"""Conversion of published checkpoints into folders that a model pack can name."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from editmill.flows.commands.options import LocalPath
from editmill.manifests.errors import RequestError
from editmill.manifests.files import FileProblem, check_regular

to_folder = click.option(
    "--to",
    "folder",
    type=LocalPath(folder=True),
    required=True,
    help="Folder to write; it must not exist.",
)


@click.group()
def convert() -> None:
    """Convert a published checkpoint into a folder for a model pack."""


@convert.command()
@click.argument("checkpoint", type=LocalPath())
@click.option(
    "--to",
    "folder",
    type=LocalPath(folder=True),
    required=True,
    help="Folder of the pipeline; it must not exist.",
)
@click.option(
    "--side",
    type=click.IntRange(8),
    default=256,
    show_default=True,
    help="Side of the pictures that the network was trained on.",
)
@click.option(
    "--head-width",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Channels per attention head (num_head_channels).",
)
@click.option(
    "--new-attention-order",
    is_flag=True,
    help="For networks trained with use_new_attention_order; the published ones were not.",
)
def adm(checkpoint: Path, folder: Path, side: int, head_width: int, new_attention_order: bool) -> None:
    """Convert an unconditional UNet of guided-diffusion to a diffusers DDPMPipeline, the role `unconditional`.

    \b
    Example:
      editmill convert adm 256x256_diffusion_uncond.pt --to MODELS/adm-256
    """
    from editmill.generators.models.adm import convert_adm

    _check(checkpoint)
    convert_adm(checkpoint, folder, side=side, head_width=head_width, legacy_attention=not new_attention_order)
    click.echo(f"{folder}: in a model pack, class diffusers.DDPMPipeline for the role unconditional")


@convert.command("image-adapter")
@click.argument("checkpoint", type=LocalPath())
@to_folder
def image_adapter(checkpoint: Path, folder: Path) -> None:
    """Convert a pickled IP-Adapter to safetensors, the role `image_adapter`; the pickle may hold nothing but tensors.

    \b
    Example:
      editmill convert image-adapter semantic_control_ckp_435000.bin --to MODELS/semantic
    """
    from editmill.generators.models.image_adapter import convert_image_adapter

    _check(checkpoint)
    convert_image_adapter(checkpoint, folder)
    click.echo(
        f"{folder}: in a model pack, class diffusers.loaders.IPAdapterMixin for the role image_adapter, with the part "
        "image_encoder"
    )


@convert.command("classifier")
@click.argument("checkpoint", type=LocalPath())
@to_folder
@click.option("--architecture", required=True, help="Name in timm, such as tf_efficientnet_lite0.")
def classifier(checkpoint: Path, folder: Path, architecture: str) -> None:
    """Convert weights of a timm architecture to a classifier's folder, for roles and for `evaluate --model`.

    \b
    Example:
      editmill convert classifier efficientnet-lite0.pth --architecture tf_efficientnet_lite0 --to MODELS/lite0
    """
    from editmill.generators.models.timm_classifier import convert_timm

    _check(checkpoint)
    classes = convert_timm(checkpoint, folder, architecture=architecture)
    click.echo(
        f"{folder}: {classes} classes; in a model pack, class transformers.TimmWrapperForImageClassification; for "
        f"evaluate, --model transformers:{folder}"
    )


def _check(checkpoint: Path) -> None:
    """Refuse what is no regular file; opening a FIFO would wait for ever.

    Raises:
        RequestError: It is something else, or missing.
    """
    try:
        check_regular(checkpoint, most=sys.maxsize)
    except FileProblem as error:
        what = f"the checkpoint can't be read: {error}"
        raise RequestError(what, where=str(checkpoint), fix="name the file that was downloaded") from error
