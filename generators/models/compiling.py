"""Compiled networks: torch.compile for what denoises."""

from __future__ import annotations

import logging
from typing import Any

import torch

from editmill.generators.models.inpaint_pipelines import network_of
from editmill.manifests.errors import first_line

logger = logging.getLogger("editmill.models")
# Every size is compiled by itself, and there may be many.
SIZES = 10_000


def can_compile(device: torch.device) -> bool:
    """Return whether torch compiles for a device here, which takes a compiler of C++ on the CPU; warn where it does
    not, since a build then goes on without.
    """
    # It is large, and seldom needed.
    import torch._dynamo

    try:
        if torch._dynamo.config.disable:
            raise RuntimeError("TORCHDYNAMO_DISABLE is set")
        torch.compile(lambda values: (values * 2).sin())(torch.ones(8, device=device))
    except Exception as error:
        what = "torch can't compile networks here, so they run as they are (%s: %s)"
        logger.warning(what, type(error).__name__, first_line(error))
        return False
    return True


def compile_denoiser(pipeline: Any) -> None:
    """Have the repeated blocks of a pipeline's U-Net or transformer compiled when they are first called with a size.

    They are most of the work, and equal ones are compiled once; a network without any is compiled whole. Never for
    sizes in general: such code gives other bits, and which sizes come first depends on the shard.
    """
    import torch._dynamo

    torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = SIZES
    network = network_of(pipeline)
    names = getattr(network, "_repeated_blocks", None) or ()
    repeats = any(type(part).__name__ in names for part in network.modules())
    (network.compile_repeated_blocks if repeats else network.compile)(dynamic=False)
