"""Weights of a small Stable Diffusion pipeline under the names of the original single-file checkpoints."""

from __future__ import annotations

import re
from typing import Any

from diffusers.loaders.single_file_utils import DIFFUSERS_TO_LDM_MAPPING
from torch import Tensor

# Within a residual block of the UNet.
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}


def original_state(pipeline: Any) -> dict[str, Tensor]:
    """Return the weights of a pipeline whose UNet has one layer in each of its blocks, as one dictionary."""
    state = {f"model.diffusion_model.{_unet(name)}": value for name, value in pipeline.unet.state_dict().items()}
    blocks = len(pipeline.vae.config.up_block_types)
    state |= {f"first_stage_model.{_vae(name, blocks)}": value for name, value in pipeline.vae.state_dict().items()}
    texts = {name.removeprefix("text_model."): value for name, value in pipeline.text_encoder.state_dict().items()}
    state |= {f"cond_stage_model.transformer.text_model.{name}": value for name, value in texts.items()}
    return {name: value.contiguous() for name, value in state.items()}


def _unet(name: str) -> str:
    layers = DIFFUSERS_TO_LDM_MAPPING["unet"]["layers"]
    if name in layers:
        return layers[name]
    if match := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        kind, number, rest = match[1], int(match[2]), match[3]
        return f"middle_block.{2 * number if kind == 'resnets' else 1}.{_resnet(rest) if kind == 'resnets' else rest}"
    match = re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    assert match is not None, name
    way, block, kind, layer, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks.{2 * block + 2}.0.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        # The first block upwards has attention, behind which the upsampler stands.
        return f"output_blocks.{2 * block + 1}.{2 if block == 0 else 1}.{rest}"
    place = f"input_blocks.{2 * block + layer + 1}" if way == "down" else f"output_blocks.{2 * block + layer}"
    return f"{place}.0.{_resnet(rest)}" if kind == "resnets" else f"{place}.1.{rest}"


def _resnet(name: str) -> str:
    first, _, rest = name.partition(".")
    return f"{RESNET[first]}.{rest}"


def _vae(name: str, blocks: int) -> str:
    if name in DIFFUSERS_TO_LDM_MAPPING["vae"]:
        return DIFFUSERS_TO_LDM_MAPPING["vae"][name]
    name = name.replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda match: f"mid.block_{int(match[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda match: f"up.{blocks - 1 - int(match[1])}.block", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda match: f"up.{blocks - 1 - int(match[1])}.upsample", name)
