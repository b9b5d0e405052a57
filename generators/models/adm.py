"""The published checkpoints of guided diffusion (ADM, arXiv 2105.05233), converted to a diffusers pipeline."""

from __future__ import annotations

import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from torch import Tensor

from editmill.generators.models.networks import read_tensors
from editmill.manifests.errors import ModelError

State = dict[str, Tensor]
# guided-diffusion normalises in 32 groups throughout.
NORM_GROUPS = 32
# The last block of a level ends with the upsampler, which comes after the attention where there is one.
UPSAMPLER = re.compile(r"output_blocks\.(\d+)\.[12]\.(?:in_layers\.2|conv)\.weight")
OUTER = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
}
ATTENTION = {"norm": "group_norm", "qkv": "qkv", "proj_out": "to_out.0"}
LISTED = 8
FIX = "convert an unconditional UNet of guided-diffusion with learned variance, such as 256x256_diffusion_uncond.pt"


@dataclass(frozen=True)
class AdmLayout:
    """What the shapes of a checkpoint say about its network.

    Attributes:
        widths: Channels of each level, the finest first.
        blocks: Residual blocks per level of the encoder; the decoder has one more.
        attention: Whether each level attends.
        residual: Whether levels are joined by residual blocks (``resblock_updown``) and not by convolutions.
        scale_shift: Whether the timestep scales and shifts norms (``use_scale_shift_norm``) and isn't just added.
        inputs, outputs: Channels of a picture and of the prediction.
    """

    widths: tuple[int, ...]
    blocks: int
    attention: tuple[bool, ...]
    residual: bool
    scale_shift: bool
    inputs: int
    outputs: int


def infer_layout(state: State) -> AdmLayout:
    """Return the layout of a checkpoint.

    Raises:
        ValueError: It is not of this family, or of a kind that faithful mode has no use for.
    """
    if "label_emb.weight" in state:
        raise ValueError("it is class-conditional (label_emb.weight)")
    decoders = len({name.split(".")[1] for name in state if name.startswith("output_blocks.")})
    ends = sorted({int(found[1]) for name in state if (found := UPSAMPLER.fullmatch(name))})
    # A level of the decoder has one block more, so the first upsampler is in the block of this number.
    blocks = ends[0] if ends else decoders - 1
    if blocks < 1 or decoders % (blocks + 1):
        raise ValueError(f"its {decoders} output_blocks are not levels of {blocks + 1} blocks each")
    # Input block 0 is the first convolution; then each level has its blocks and, but for the last, a downsampler.
    starts = [1 + level * (blocks + 1) for level in range(decoders // (blocks + 1))]
    widths = tuple(_rows(state, f"input_blocks.{start}.0.out_layers.3.weight") for start in starts)
    layout = AdmLayout(
        widths=widths,
        blocks=blocks,
        attention=tuple(f"input_blocks.{start}.1.qkv.weight" in state for start in starts),
        residual=len(starts) == 1 or f"input_blocks.{blocks + 1}.0.in_layers.0.weight" in state,
        # Scale and shift are two numbers per channel.
        scale_shift=_rows(state, "input_blocks.1.0.emb_layers.1.weight") == 2 * widths[0],
        inputs=_columns(state, "input_blocks.0.0.weight"),
        outputs=_rows(state, "out.2.weight"),
    )
    _check_layout(layout, embedded=_columns(state, "time_embed.0.weight"))
    return layout


def _check_layout(layout: AdmLayout, *, embedded: int) -> None:
    if layout.outputs != 2 * layout.inputs:
        raise ValueError(
            f"its variance is not learned: {layout.outputs} output channels for {layout.inputs} input channels"
        )
    if embedded != layout.widths[0]:
        raise ValueError(
            f"its timesteps are embedded in {embedded} channels and its first level has {layout.widths[0]}; diffusers "
            "ties these two"
        )
    if any(width % NORM_GROUPS for width in layout.widths):
        raise ValueError(f"its widths {layout.widths} are not multiples of the {NORM_GROUPS} groups of its norms")


def _rows(state: State, name: str) -> int:
    return _shape(state, name)[0]


def _columns(state: State, name: str) -> int:
    return _shape(state, name)[1]


def _shape(state: State, name: str) -> torch.Size:
    if name not in state or state[name].ndim < 2:
        raise ValueError(f"it has no weights {name}")
    return state[name].shape


def unet_config(layout: AdmLayout, *, side: int, head_width: int) -> dict[str, Any]:
    """Return arguments of the UNet2DModel.

    Neither the picture's side nor the width of attention heads shows in a checkpoint.

    Raises:
        ValueError: A level that attends does not divide into heads.
    """
    # The middle block attends whatever the levels do.
    attending = {width for width, attends in zip(layout.widths, layout.attention, strict=True) if attends} | {
        layout.widths[-1]
    }
    if any(width % head_width for width in attending):
        raise ValueError(
            f"heads {head_width} channels wide do not divide its attention layers, {sorted(attending)} channels wide"
        )
    plain_down, plain_up = (
        ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D") if layout.residual else ("DownBlock2D", "UpBlock2D")
    )
    resampling = "resnet" if layout.residual else "conv"
    return {
        "sample_size": side,
        "in_channels": layout.inputs,
        "out_channels": layout.outputs,
        "layers_per_block": layout.blocks,
        "block_out_channels": layout.widths,
        "attention_head_dim": head_width,
        "norm_num_groups": NORM_GROUPS,
        # With scale and shift, diffusers' middle attention would have no norm of its own unless told.
        "attn_norm_num_groups": NORM_GROUPS,
        "resnet_time_scale_shift": "scale_shift" if layout.scale_shift else "default",
        "downsample_type": resampling,
        "upsample_type": resampling,
        "down_block_types": tuple("AttnDownBlock2D" if attends else plain_down for attends in layout.attention),
        "up_block_types": tuple("AttnUpBlock2D" if attends else plain_up for attends in reversed(layout.attention)),
    }


def module_names(layout: AdmLayout) -> dict[str, str]:
    """Return the module of the UNet2DModel for each module of the checkpoint.

    ``qkv`` stands for ``to_q``, ``to_k`` and ``to_v``.
    """
    return OUTER | _encoder_names(layout) | _middle_names() | _decoder_names(layout)


def _encoder_names(layout: AdmLayout) -> dict[str, str]:
    names: dict[str, str] = {}
    position, before = 1, layout.widths[0]
    for level, width in enumerate(layout.widths):
        new = f"down_blocks.{level}"
        for block in range(layout.blocks):
            names |= _resnet_names(f"input_blocks.{position}.0", f"{new}.resnets.{block}", shortcut=width != before)
            if layout.attention[level]:
                names |= _named(ATTENTION, f"input_blocks.{position}.1", f"{new}.attentions.{block}")
            position, before = position + 1, width
        if level < len(layout.widths) - 1:
            names |= _resampler_names(layout, f"input_blocks.{position}.0", f"{new}.downsamplers.0", convolution="op")
            position += 1
    return names


def _middle_names() -> dict[str, str]:
    names = _named(ATTENTION, "middle_block.1", "mid_block.attentions.0")
    for number, old in enumerate(("middle_block.0", "middle_block.2")):
        names |= _resnet_names(old, f"mid_block.resnets.{number}", shortcut=False)
    return names


def _decoder_names(layout: AdmLayout) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, attends in enumerate(reversed(layout.attention)):
        new = f"up_blocks.{number}"
        for block in range(layout.blocks + 1):
            old = f"output_blocks.{number * (layout.blocks + 1) + block}"
            # Decoder blocks read a skip connection as well, so their width always changes.
            names |= _resnet_names(f"{old}.0", f"{new}.resnets.{block}", shortcut=True)
            if attends:
                names |= _named(ATTENTION, f"{old}.1", f"{new}.attentions.{block}")
        if number < len(layout.widths) - 1:
            names |= _resampler_names(layout, f"{old}.{2 if attends else 1}", f"{new}.upsamplers.0", convolution="conv")
    return names


def _resampler_names(layout: AdmLayout, old: str, new: str, *, convolution: str) -> dict[str, str]:
    return _resnet_names(old, new, shortcut=False) if layout.residual else {f"{old}.{convolution}": f"{new}.conv"}


def _resnet_names(old: str, new: str, *, shortcut: bool) -> dict[str, str]:
    return _named(RESNET | ({"skip_connection": "conv_shortcut"} if shortcut else {}), old, new)


def _named(names: dict[str, str], old: str, new: str) -> dict[str, str]:
    return {f"{old}.{theirs}": f"{new}.{ours}" for theirs, ours in names.items()}


def convert_state(state: State, layout: AdmLayout, *, head_width: int, legacy_attention: bool = True) -> State:
    """Return the weights under diffusers' names.

    Args:
        state: The checkpoint's tensors.
        layout: Its layout.
        head_width: Channels per attention head.
        legacy_attention: Whether rows of ``qkv`` go head by head, each with its query, key and value, as in all
            published checkpoints; else (``use_new_attention_order``) all queries come first.

    Raises:
        ValueError: Tensors are missing or left over.
    """
    modules = module_names(layout)
    _check_names(set(state), {f"{module}.{leaf}" for module in modules for leaf in ("weight", "bias")})
    converted: State = {}
    for old, new in modules.items():
        for leaf in ("weight", "bias"):
            tensor = state[f"{old}.{leaf}"]
            if new.endswith(".qkv"):
                parts = _split_attention(tensor, head_width, legacy=legacy_attention)
                converted |= {f"{new.removesuffix('qkv')}to_{part}.{leaf}": value for part, value in parts.items()}
            else:
                # Attention is made of one-dimensional convolutions there, and of linear layers here.
                converted[f"{new}.{leaf}"] = (
                    tensor.flatten(1) if new.endswith(".to_out.0") and leaf == "weight" else tensor
                )
    return converted


def _check_names(found: set[str], expected: set[str]) -> None:
    faults = [
        f"{len(names)} {kind}: {_list(names)}"
        for kind, names in (("missing", expected - found), ("unexpected", found - expected))
        if names
    ]
    if faults:
        raise ValueError(f"its tensors are not those of the layout that its shapes show; {'; '.join(faults)}")


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)[:LISTED]) + (", …" if len(names) > LISTED else "")


def _split_attention(tensor: Tensor, head_width: int, *, legacy: bool) -> State:
    """Return query, key and value, [width] or [width, width], with rows head by head, of a ``qkv`` of [3 width] or
    [3 width, width, 1].
    """
    width, columns = len(tensor) // 3, tensor.shape[1:2]
    heads = width // head_width
    split = (
        tensor.reshape(heads, 3, head_width, *columns).transpose(0, 1)
        if legacy
        else tensor.reshape(3, heads, head_width, *columns)
    )
    # Clones, since safetensors stores no tensors that share memory.
    return {name: part.reshape(width, *columns).clone() for name, part in zip("qkv", split, strict=True)}


def convert_unet(state: State, *, side: int, head_width: int = 64, legacy_attention: bool = True) -> UNet2DModel:
    """Return the network of a checkpoint.

    Raises:
        ValueError: The checkpoint is of another layout.
    """
    layout = infer_layout(state)
    # Without memory: the checkpoint's tensors take the place of the weights below.
    with torch.device("meta"):
        unet = UNet2DModel(**unet_config(layout, side=side, head_width=head_width))
    converted = convert_state(state, layout, head_width=head_width, legacy_attention=legacy_attention)
    shapes = {name: tensor.shape for name, tensor in unet.state_dict().items()}
    wrong = [
        f"{name} is {tuple(tensor.shape)}, not {tuple(shapes[name])}"
        for name, tensor in converted.items()
        if tensor.shape != shapes[name]
    ]
    if wrong:
        raise ValueError(f"{len(wrong)} of its tensors have another shape than its layout, the first: {wrong[0]}")
    unet.load_state_dict(converted, assign=True)
    return unet.eval()


def make_adm_scheduler() -> DDPMScheduler:
    """Return the schedule of all published checkpoints: 1000 linear steps, predicted noise, learned variance."""
    return DDPMScheduler(
        num_train_timesteps=1000, beta_schedule="linear", beta_start=1e-4, beta_end=0.02, variance_type="learned_range"
    )


def convert_adm(
    checkpoint: Path, folder: Path, *, side: int = 256, head_width: int = 64, legacy_attention: bool = True
) -> None:
    """Write a checkpoint as a DDPMPipeline for the role ``unconditional``; the folder appears complete or not at all.

    Args:
        checkpoint: The published file, .pt or .safetensors.
        folder: The pipeline's folder; it must not exist yet.
        side: Side of the pictures that the network was trained on.
        head_width: Channels per attention head.
        legacy_attention: See ``convert_state``.

    Raises:
        ModelError: The checkpoint is missing, damaged or of another layout, or the folder exists.
    """
    if folder.exists():
        raise ModelError(
            "the folder for the converted checkpoint exists already",
            where=str(folder),
            fix="name another folder, or remove this one",
        )
    try:
        unet = convert_unet(
            read_tensors(checkpoint), side=side, head_width=head_width, legacy_attention=legacy_attention
        )
    except FileNotFoundError as error:
        raise ModelError("there is no such checkpoint", where=str(checkpoint), fix="check the path") from error
    except (ValueError, OSError) as error:
        raise ModelError(f"the checkpoint can't be converted: {error}", where=str(checkpoint), fix=FIX) from error
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        DDPMPipeline(unet=unet, scheduler=make_adm_scheduler()).save_pretrained(temporary)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
