"""Guidance through the scheduler: exact inverses and every prediction type."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    PNDMScheduler,
)

from editmill.generators.models.guided_steps import guided_steps, signal_and_noise, to_clean, to_output
from editmill.manifests.errors import ModelError

SCHEDULERS: dict[str, Any] = {
    "ddim epsilon": DDIMScheduler(clip_sample=False),
    "ddim v": DDIMScheduler(
        clip_sample=False, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
    ),
    "ddim sample": DDIMScheduler(clip_sample=False, prediction_type="sample"),
    "pndm": PNDMScheduler(skip_prk_steps=True),
    "euler epsilon": EulerDiscreteScheduler(),
    "euler v": EulerDiscreteScheduler(prediction_type="v_prediction"),
    "flow": FlowMatchEulerDiscreteScheduler(shift=3.0),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_clean_prediction_is_the_schedulers_own_and_can_be_inverted(name: str) -> None:
    scheduler = SCHEDULERS[name]
    scheduler.set_timesteps(5)
    generator = torch.Generator().manual_seed(0)
    sample, output = (torch.randn((1, 4, 3, 3), generator=generator) for _ in range(2))
    timestep = scheduler.timesteps[2]
    levels = signal_and_noise(scheduler, timestep, sample)
    clean = to_clean(scheduler, levels, sample, output)
    torch.testing.assert_close(to_output(scheduler, levels, sample, clean), output, rtol=1e-4, atol=1e-4)
    if hasattr(scheduler, "init_noise_sigma") and name != "pndm":
        torch.testing.assert_close(
            clean, scheduler.step(output, timestep, sample).pred_original_sample, rtol=1e-3, atol=1e-3
        )


def test_no_shift_changes_nothing_and_the_scheduler_is_given_back() -> None:
    scheduler = DDIMScheduler()
    scheduler.set_timesteps(5)
    sample, output = torch.randn(1, 4, 3, 3), torch.randn(1, 4, 3, 3)
    plain = scheduler.step(output, scheduler.timesteps[1], sample).prev_sample
    for shift in (None, lambda clean, noise: torch.zeros_like(clean)):
        with guided_steps(scheduler, shift):
            guided = scheduler.step(output, scheduler.timesteps[1], sample).prev_sample
        torch.testing.assert_close(guided, plain, rtol=1e-4, atol=1e-4)
    with pytest.raises(RuntimeError, match="stop"), guided_steps(scheduler, lambda clean, noise: clean):
        raise RuntimeError("stop")
    assert "step" not in vars(scheduler)


def test_unknown_schedulers_are_refused() -> None:
    scheduler = DPMSolverMultistepScheduler()
    scheduler.set_timesteps(5)
    with (
        guided_steps(scheduler, lambda clean, noise: clean),
        pytest.raises(ModelError, match="DPMSolverMultistepScheduler"),
    ):
        scheduler.step(torch.zeros(1, 4, 3, 3), scheduler.timesteps[0], torch.zeros(1, 4, 3, 3))
