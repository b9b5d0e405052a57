"""Guidance of a stock diffusers pipeline: a shift of the predicted clean latents at every step of its scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from editmill.manifests.errors import ModelError

# How far to move the predicted clean latents, float [n, c, h, w] of the VAE's scaled latents, when the noise has the
# given share in [0, 1] of the noisy ones' standard deviation; called with gradients enabled.
Shift = Callable[[Tensor, float], Tensor]
Levels = tuple[Tensor, Tensor]


@contextmanager
def guided_steps(scheduler: Any, shift: Shift | None) -> Iterator[None]:
    """Give each ``scheduler.step`` within the context a model output whose clean prediction is moved by ``shift``.

    None changes nothing.

    The network itself is not differentiated, so a guided step costs what ``shift`` costs (Yu et al., FreeDoM, arXiv
    2303.09833, without its gradient through the network). Every pipeline that calls its scheduler's ``step`` works,
    whatever its prediction type.

    Raises:
        ModelError: The scheduler is of a family whose clean prediction is not known here.
    """
    if shift is None:
        yield
        return
    original = scheduler.step

    @wraps(original)
    def step(model_output: Tensor, timestep: Any, sample: Tensor, *args: Any, **options: Any) -> Any:
        levels = signal_and_noise(scheduler, timestep, sample)
        clean = to_clean(scheduler, levels, sample, model_output).float().detach()
        with torch.enable_grad():
            # The share of the noise in the whole deviation, which is 1 only for variance-preserving schedulers.
            moved = clean + shift(clean, float(levels[1] / torch.hypot(*levels))).detach()
        guided = to_output(scheduler, levels, sample, moved.to(sample.dtype))
        return original(guided.to(model_output.dtype), timestep, sample, *args, **options)

    scheduler.step = step
    try:
        yield
    finally:
        # It hid the method of the class, which is found again now.
        del scheduler.step


def signal_and_noise(scheduler: Any, timestep: Any, sample: Tensor) -> Levels:
    """Return factors a and s of x_t = a * clean + s * noise at ``timestep``, as scalars on the sample's device.

    Raises:
        ModelError: The scheduler's family is not known.
    """
    name = type(scheduler).__name__
    if name.startswith("FlowMatch"):
        sigma = _sigma(scheduler, timestep, sample)
        return 1 - sigma, sigma
    if name in ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"):
        # These do not scale their samples: x = clean + sigma * noise.
        return sample.new_ones(()), _sigma(scheduler, timestep, sample)
    if name in ("DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "LCMScheduler"):
        alpha = scheduler.alphas_cumprod.to(sample.device, torch.float32)[
            torch.as_tensor(timestep, device="cpu").long()
        ]
        return alpha.sqrt(), (1 - alpha).sqrt()
    raise ModelError(
        f"guidance does not know the scheduler {name}",
        where="the pack's inpaint pipeline",
        fix="use a DDIM, DDPM, PNDM, Euler or flow-matching scheduler in its scheduler folder",
    )


def _sigma(scheduler: Any, timestep: Any, sample: Tensor) -> Tensor:
    index = scheduler.step_index
    # Not set before the first step; a timestep is looked up last, since it may occur more than once.
    if index is None:
        index = scheduler.begin_index if scheduler.begin_index is not None else scheduler.index_for_timestep(timestep)
    sigma: Tensor = scheduler.sigmas[index].to(sample.device, torch.float32)
    return sigma


def _prediction(scheduler: Any) -> str:
    return str(getattr(scheduler.config, "prediction_type", "flow"))


def to_clean(scheduler: Any, levels: Levels, sample: Tensor, output: Tensor) -> Tensor:
    """Return the clean latents that a network's ``output`` predicts for ``sample``."""
    signal, noise = levels
    kind = _prediction(scheduler)
    if kind == "flow":
        return sample - noise * output
    if kind == "sample":
        return output
    if kind == "epsilon":
        return (sample - noise * output) / signal
    # Velocity is defined for a variance-preserving x_t; dividing by the total standard deviation gives that one.
    total = torch.hypot(signal, noise)
    return (signal * sample / total - noise * output) / total


def to_output(scheduler: Any, levels: Levels, sample: Tensor, clean: Tensor) -> Tensor:
    """Return the network output that predicts ``clean``: the inverse of ``to_clean``."""
    signal, noise = levels
    kind = _prediction(scheduler)
    if kind == "sample":
        return clean
    if kind == "flow":
        return (sample - clean) / noise
    if kind == "epsilon":
        return (sample - signal * clean) / noise
    total = torch.hypot(signal, noise)
    return (signal * sample / total - total * clean) / noise
