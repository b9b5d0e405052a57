"""What the latent diffusion roles share."""

from __future__ import annotations

import torch

from editmill.packs.tabletop.training.diffusion import (
    add_noise,
    drop_captions,
    make_scheduler,
    tokenise,
    weighted_error,
)
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer


def test_scheduler_starts_from_pure_noise() -> None:
    scheduler = make_scheduler()
    scheduler.set_timesteps(4)
    assert scheduler.alphas_cumprod[scheduler.timesteps[0]].item() < 1e-6


def test_velocity_and_noisy_latents_give_the_clean_ones_back() -> None:
    scheduler, clean = make_scheduler(), torch.randn(64, 4, 2, 2, generator=torch.Generator().manual_seed(1))
    noisy, velocity, timesteps = add_noise(scheduler, clean, torch.Generator().manual_seed(0))
    signal = scheduler.alphas_cumprod[timesteps].sqrt()[:, None, None, None]
    torch.testing.assert_close(signal * noisy - (1 - signal**2).sqrt() * velocity, clean, atol=1e-4, rtol=1e-4)


def test_timesteps_are_uniform_or_gather_where_shapes_are_decided() -> None:
    scheduler, clean = make_scheduler(), torch.zeros(4000, 1, 1, 1)
    uniform = add_noise(scheduler, clean, torch.Generator().manual_seed(0))[2].float()
    shaped = add_noise(scheduler, clean, torch.Generator().manual_seed(0), shape_share=1.0)[2].float()
    assert abs(uniform.mean().item() - 500) < 20
    assert 270 < uniform.std().item() < 310
    assert abs(shaped.mean().item() - 500) < 20
    assert 170 < shaped.std().item() < 215


def test_dropped_captions_are_the_empty_one() -> None:
    tokenizer = make_tokenizer()
    tokens = tokenise(tokenizer, ["a red cube on green grass"] * 400)
    assert tokens.shape == (400, MAX_LENGTH)
    dropped = drop_captions(tokens, tokenizer, torch.Generator().manual_seed(0), share=0.25)
    empty = tokenise(tokenizer, [""])[0]
    changed = (dropped != tokens).any(dim=1)
    assert 0.18 < changed.float().mean().item() < 0.32
    assert bool((dropped[changed] == empty).all())


def test_error_counts_weighted_pixels_only() -> None:
    predicted, velocity = torch.zeros(1, 4, 1, 2), torch.tensor([[[[1.0, 9.0]]]]).expand(1, 4, 1, 2)
    assert weighted_error(predicted, velocity, torch.tensor([[[[1.0, 0.0]]]])).item() == 1
    assert weighted_error(predicted, velocity, torch.tensor([[[[1.0, 1.0]]]])).item() == 41
