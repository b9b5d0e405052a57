"""Starts are what the schedule gives: exact step counts, the published kept shares, and a signal-to-noise ratio that
falls.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.watermark.kinds import SAMPLERS, Sampler
from editmill.generators.watermark.schedule import (
    Start,
    describe_scheduler,
    find_start,
    make_scheduler,
    start_latents,
    strength_for,
)
from editmill.generators.watermark.settings import AttackSettings, WatermarkSettings

SD1 = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
SETTINGS = WatermarkSettings.model_validate(
    {"schemes": [{"name": "dwtDct"}], "attacks": [{"name": "p", "start": "none"}]}
)
TERMINAL, CLEAN = AttackSettings(name="t", start="terminal"), AttackSettings(name="c", start="clean")


def partial(steps: int) -> AttackSettings:
    return AttackSettings(name=f"s{steps}", start="partial", n_steps=steps)


@given(data=st.data(), steps=st.integers(1, 1000))
def test_diffusers_truncation_gives_exactly_the_steps_asked_for(data: st.DataObject, steps: int) -> None:
    executed = data.draw(st.integers(1, steps))
    assert min(int(steps * strength_for(executed, steps)), steps) == executed


@pytest.mark.parametrize(
    ("spacing", "timestep", "kept"), [("trailing", 999, 0.0683), ("linspace", 999, 0.0683), ("leading", 981, 0.0760)]
)
def test_terminal_keeps_the_share_that_the_specification_computes(spacing: str, timestep: int, kept: float) -> None:
    start = find_start(DDIMScheduler(**SD1, timestep_spacing=spacing), TERMINAL, SETTINGS)
    assert (start.executed, start.timestep) == (50, timestep)
    assert start.sqrt_alpha_bar == pytest.approx(kept, abs=5e-5)


def test_unipc_with_leading_timesteps_begins_earlier() -> None:
    start = find_start(
        make_scheduler(DDIMScheduler(**SD1).config, sampler="unipc", spacing="leading"), TERMINAL, SETTINGS
    )
    assert start.timestep == 951
    assert start.sqrt_alpha_bar == pytest.approx(0.0903, abs=5e-5)


def test_the_signal_to_noise_ratio_falls_along_the_ladder() -> None:
    scheduler = DDIMScheduler(**SD1, timestep_spacing="trailing")
    starts = [
        find_start(scheduler, attack, SETTINGS)
        for attack in (*map(partial, (2, 4, 6, 10, 15, 25, 35)), TERMINAL, CLEAN)
    ]
    assert [start.timestep for start in starts[:-2]] == [39, 79, 119, 199, 299, 499, 699]
    assert all(weaker.snr > stronger.snr for weaker, stronger in pairwise(starts))
    assert starts[-1].snr == 0


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_clean_latents_hold_nothing_of_the_picture_and_terminal_ones_do(sampler: Sampler) -> None:
    config = DDIMScheduler(**SD1).config
    first, second, noise = (torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(3))
    found = {}
    for attack in (CLEAN, TERMINAL, partial(10)):
        for name, latents in (("first", first), ("second", second)):
            scheduler = make_scheduler(config, sampler=sampler, spacing="trailing")
            found[attack.name, name] = start_latents(
                scheduler, attack, latents, noise, find_start(scheduler, attack, SETTINGS)
            )
    assert torch.equal(found["c", "first"], found["c", "second"])
    assert not torch.equal(found["t", "first"], found["t", "second"])
    # Samplers that add noise without shrinking the latents have larger ones: what counts is the picture's share.
    weak, strong = (
        (found[name, "first"] - found[name, "second"]).std() / found[name, "first"].std() for name in ("s10", "t")
    )
    assert weak > 5 * strong


def test_partial_noise_is_that_of_the_timestep() -> None:
    scheduler = DDIMScheduler(**SD1, timestep_spacing="trailing")
    start = find_start(scheduler, partial(10), SETTINGS)
    latents, noise = torch.ones(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    assert start_latents(scheduler, partial(10), latents, noise, start) == pytest.approx(start.sqrt_alpha_bar)
    assert Start(1, 0, 0.6).snr == pytest.approx(0.36 / 0.64)


def test_starts_between_two_training_steps_are_those_of_the_sampler() -> None:
    scheduler = make_scheduler(DDIMScheduler(**SD1).config, sampler="euler-ancestral", spacing="linspace")
    start = find_start(scheduler, partial(49), SETTINGS)
    latents, noise = torch.ones(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    sigma = float(scheduler.sigmas[1])
    assert start.sqrt_alpha_bar == pytest.approx((1 + sigma**2) ** -0.5, rel=1e-5)
    assert torch.equal(start_latents(scheduler, partial(49), latents, noise, start), latents)


def test_a_scheduler_is_described_by_class_and_configuration() -> None:
    facts = describe_scheduler(
        make_scheduler(DDIMScheduler(**SD1).config, sampler="ddim", spacing="trailing"), SETTINGS
    )
    other = describe_scheduler(make_scheduler(DDIMScheduler(**SD1).config, sampler="ddim", spacing="leading"), SETTINGS)
    assert (facts["scheduler"], facts["spacing"], facts["stochastic"]) == ("DDIMScheduler", "trailing", False)
    assert facts["scheduler_sha256"] != other["scheduler_sha256"]
