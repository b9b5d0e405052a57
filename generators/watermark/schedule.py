"""Where on the noise schedule a regeneration starts: what is realised, not what is asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch

from editmill.generators.watermark.kinds import SAMPLERS, Sampler
from editmill.generators.watermark.settings import AttackSettings, WatermarkSettings
from editmill.manifests.canonical import canonical_json


@dataclass(frozen=True)
class Start:
    """The realised start of a regeneration.

    Attributes:
        executed: Denoising steps that run.
        timestep: Training timestep of the first of them.
        sqrt_alpha_bar: Share of the clean latents' amplitude in what it sees, 0 for a clean start.
    """

    executed: int
    timestep: int
    sqrt_alpha_bar: float

    @property
    def snr(self) -> float:
        """Signal to noise of the first step's input, a ratio of powers."""
        kept = self.sqrt_alpha_bar**2
        return kept / (1 - kept)


def make_scheduler(config: Any, *, sampler: Sampler, spacing: str) -> Any:
    """Return the scheduler of a sampler with the model's own schedule, its timesteps spaced as asked, or as the model
    says where that is empty.
    """
    import diffusers

    changes = {"timestep_spacing": spacing} if spacing else {}
    return getattr(diffusers, SAMPLERS[sampler].scheduler).from_config(config, **changes)


def strength_for(executed: int, steps: int) -> float:
    """Return the ``strength`` with which diffusers' int(steps * strength) gives exactly ``executed`` steps."""
    # Half a step above the whole number, so that no rounding cuts it to the one below.
    return min(1.0, (executed + 0.5) / steps)


def find_start(scheduler: Any, attack: AttackSettings, settings: WatermarkSettings) -> Start:
    """Set the scheduler's timesteps and return where the attack starts on them.

    ``terminal`` starts from latents noised to the first timestep, which keeps a part of them on every schedule whose
    signal does not end at 0; ``clean`` starts from pure noise.
    """
    steps, executed = settings.steps_of(attack), settings.executed(attack)
    scheduler.set_timesteps(steps)
    place = steps - executed
    timestep = float(scheduler.timesteps[place])
    if timestep.is_integer():
        kept = float(scheduler.alphas_cumprod[int(timestep)].clamp(0, 1).sqrt())
    else:
        # Between two training steps; such schedulers interpolate sigma.
        kept = float(1 / (1 + scheduler.sigmas[place] ** 2).sqrt())
    return Start(executed, int(timestep), 0.0 if attack.kind.pure else kept)


def start_latents(
    scheduler: Any, attack: AttackSettings, latents: torch.Tensor, noise: torch.Tensor, start: Start
) -> torch.Tensor:
    """Return the latents that the first step sees; for a clean start nothing of ``latents`` but the shape."""
    if attack.kind.pure:
        return noise * scheduler.init_noise_sigma
    place = len(scheduler.timesteps) - start.executed
    if hasattr(scheduler, "set_begin_index"):
        # Samplers that go by sigma would else look the timestep up, and repeated ones are ambiguous.
        scheduler.set_begin_index(place)
    noised: torch.Tensor = scheduler.add_noise(latents, noise, scheduler.timesteps[place : place + 1])
    return noised


def describe_scheduler(scheduler: Any, settings: WatermarkSettings) -> dict[str, Any]:
    """Return the class, digest of the configuration, spacing and kind of a scheduler."""
    config = {name: value for name, value in scheduler.config.items() if not name.startswith("_")}
    return {
        "scheduler": type(scheduler).__name__,
        "scheduler_sha256": hashlib.sha256(canonical_json(_plain(config))).hexdigest(),
        "spacing": str(scheduler.config.get("timestep_spacing", "")),
        "stochastic": SAMPLERS[settings.sampler].stochastic,
    }


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | bool | list | type(None)) else str(value)
        for name, value in config.items()
    }
