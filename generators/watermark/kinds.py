"""What is known of schemes, of starts and of samplers: each fact in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Start = Literal["none", "vae", "partial", "terminal", "clean"]
Sampler = Literal["ddim", "ddpm", "unipc", "euler-ancestral"]


@dataclass(frozen=True)
class SchemeKind:
    """A scheme that comes along.

    Attributes:
        module: Of its adapter, in the package ``schemes``.
        cls: Its class, made with a name and a payload length.
        bits: The only payload length that it has; 0 for any.
    """

    module: str
    cls: str
    bits: int = 0


@dataclass(frozen=True)
class StartKind:
    """Where an attack enters the noise schedule.

    Attributes:
        regenerates: Whether any network runs; without, only geometry and codec do something to the picture.
        denoises: Whether the diffusion network runs.
        partial: Whether it runs a part of the schedule, of ``n_steps`` steps; else it runs all of it.
        pure: Whether it starts from noise in which nothing of the picture is left.
    """

    regenerates: bool = True
    denoises: bool = True
    partial: bool = False
    pure: bool = False


@dataclass(frozen=True)
class SamplerKind:
    """A sampler: its scheduler's class in diffusers, and whether it draws noise at every step."""

    scheduler: str
    stochastic: bool = False


SCHEMES: dict[str, SchemeKind] = {
    "dwtDct": SchemeKind("invisible", "DwtScheme"),
    "dwtDctSvd": SchemeKind("invisible", "DwtScheme"),
    "rivaGan": SchemeKind("invisible", "RivaGan", bits=32),
    "blind-watermark": SchemeKind("blind", "BlindWatermark"),
}
STARTS: dict[Start, StartKind] = {
    "none": StartKind(regenerates=False, denoises=False),
    "vae": StartKind(denoises=False),
    "partial": StartKind(partial=True),
    "terminal": StartKind(),
    "clean": StartKind(pure=True),
}
SAMPLERS: dict[Sampler, SamplerKind] = {
    "ddim": SamplerKind("DDIMScheduler"),
    "ddpm": SamplerKind("DDPMScheduler", stochastic=True),
    "unipc": SamplerKind("UniPCMultistepScheduler"),
    "euler-ancestral": SamplerKind("EulerAncestralDiscreteScheduler", stochastic=True),
}
# What samples are, by label.
CLASS_NAMES = ("unmarked", "watermarked")
