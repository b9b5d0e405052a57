"""Guided diffusion's UNet (ADM, arXiv 2105.05233) written anew under the published parameter names, to compare
conversions with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 32


@dataclass(frozen=True)
class Adm:
    """A configuration; ``attention`` holds the downsampling factors at which the network attends."""

    channels: int = 32
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 1
    attention: tuple[int, ...] = (2,)
    head_width: int = 16
    legacy: bool = True
    scale_shift: bool = True
    residual: bool = True
    outputs: int = 6


class Residual(nn.Module):
    """A residual block that may halve or double the picture on its way."""

    def __init__(self, config: Adm, inputs: int, outputs: int, resample: str = "") -> None:
        super().__init__()
        self.resample, self.scale_shift = resample, config.scale_shift
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(4 * config.channels, outputs * (2 if config.scale_shift else 1))
        )
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, outputs), nn.SiLU(), nn.Dropout(0.0), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resample == "down":
            return F.avg_pool2d(x, 2)
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) if self.resample == "up" else x

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.in_layers[2](self._resampled(F.silu(self.in_layers[0](x))))
        time = self.emb_layers(embedding)[:, :, None, None]
        if self.scale_shift:
            scale, shift = time.chunk(2, dim=1)
            h = self.out_layers[3](F.silu(self.out_layers[0](h) * (1 + scale) + shift))
        else:
            h = self.out_layers(h + time)
        return self.skip_connection(self._resampled(x)) + h


class Attention(nn.Module):
    """Self-attention over pixels, head by head."""

    def __init__(self, config: Adm, width: int) -> None:
        super().__init__()
        self.heads, self.head_width, self.legacy = width // config.head_width, config.head_width, config.legacy
        self.norm = nn.GroupNorm(GROUPS, width)
        self.qkv, self.proj_out = nn.Conv1d(width, 3 * width, 1), nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        flat = x.flatten(2)
        rows = self.qkv(self.norm(flat))
        heads = []
        for head in range(self.heads):
            if self.legacy:
                starts = [(3 * head + part) * self.head_width for part in range(3)]
            else:
                starts = [(self.heads * part + head) * self.head_width for part in range(3)]
            query, key, value = (rows[:, start : start + self.head_width] for start in starts)
            weights = (query.transpose(1, 2) @ key / math.sqrt(self.head_width)).softmax(dim=-1)
            heads.append(value @ weights.transpose(1, 2))
        return (flat + self.proj_out(torch.cat(heads, dim=1))).reshape(x.shape)


class Convolved(nn.Module):
    """Resampling by a convolution, named ``op`` on the way down and ``conv`` on the way up."""

    def __init__(self, width: int, resample: str) -> None:
        super().__init__()
        self.resample = resample
        self.add_module(
            "op" if resample == "down" else "conv",
            nn.Conv2d(width, width, 3, stride=2 if resample == "down" else 1, padding=1),
        )

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        layer: Any = next(self.children())
        return layer(x if self.resample == "down" else x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))


class ReferenceAdm(nn.Module):
    """The whole network; every weight is random, those too that training starts at zero.

    Without ``seed`` weights stay as they are made, for names and shapes alone (on the meta device).
    """

    def __init__(self, config: Adm, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        width = 4 * config.channels
        self.time_embed = nn.Sequential(nn.Linear(config.channels, width), nn.SiLU(), nn.Linear(width, width))
        last = self._build(config)
        self.out = nn.Sequential(nn.GroupNorm(GROUPS, last), nn.SiLU(), nn.Conv2d(last, config.outputs, 3, padding=1))
        if seed is not None:
            self._randomise(torch.Generator().manual_seed(seed))

    def _randomise(self, generator: torch.Generator) -> None:
        for parameter in self.parameters():
            spread = 0.3 if parameter.ndim == 1 else 1.5 / math.sqrt(parameter[0].numel())
            parameter.data = torch.randn(parameter.shape, generator=generator) * spread

    def _build(self, config: Adm) -> int:
        def resampler(width: int, way: str) -> nn.Module:
            return Residual(config, width, width, way) if config.residual else Convolved(width, way)

        width, factor, last = config.channels, 1, len(config.multipliers) - 1
        skips = [width]
        self.input_blocks = nn.ModuleList([nn.ModuleList([nn.Conv2d(3, width, 3, padding=1)])])
        for level, multiplier in enumerate(config.multipliers):
            for _ in range(config.blocks):
                layers: list[nn.Module] = [Residual(config, width, config.channels * multiplier)]
                width = config.channels * multiplier
                layers += [Attention(config, width)] if factor in config.attention else []
                self.input_blocks.append(nn.ModuleList(layers))
                skips.append(width)
            if level < last:
                self.input_blocks.append(nn.ModuleList([resampler(width, "down")]))
                skips.append(width)
                factor *= 2
        self.middle_block = nn.ModuleList(
            [Residual(config, width, width), Attention(config, width), Residual(config, width, width)]
        )
        self.output_blocks = nn.ModuleList()
        for level in range(last, -1, -1):
            for block in range(config.blocks + 1):
                layers = [Residual(config, width + skips.pop(), config.channels * config.multipliers[level])]
                width = config.channels * config.multipliers[level]
                layers += [Attention(config, width)] if factor in config.attention else []
                if level and block == config.blocks:
                    layers.append(resampler(width, "up"))
                    factor //= 2
                self.output_blocks.append(nn.ModuleList(layers))
        return width

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        half = self.config.channels // 2
        angles = timesteps[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)
        embedding = self.time_embed(torch.cat([angles.cos(), angles.sin()], dim=1))
        skips = []
        for block in self.input_blocks:
            for layer in block:  # type: ignore[attr-defined]
                x = layer(x) if isinstance(layer, nn.Conv2d) else layer(x, embedding)
            skips.append(x)
        for layer in self.middle_block:
            x = layer(x, embedding)
        for block in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            for layer in block:  # type: ignore[attr-defined]
                x = layer(x, embedding)
        return self.out(x)
