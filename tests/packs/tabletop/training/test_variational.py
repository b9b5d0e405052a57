"""The terms of the variational bound against torch's own distributions and against the scheduler."""

from __future__ import annotations

import math

import torch
from torch.distributions import Normal, kl_divergence

from editmill.packs.tabletop.training.unconditional import make_scheduler
from editmill.packs.tabletop.training.variational import Bound, discrete_log_likelihood

IMAGE = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).mul(255).round() / 127.5 - 1
NOISE = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def test_true_noise_gives_back_the_picture() -> None:
    scheduler = make_scheduler()
    at = torch.tensor([3, 700])
    noisy = scheduler.add_noise(IMAGE, NOISE, at)
    torch.testing.assert_close(Bound(scheduler).clean(noisy, NOISE, at), IMAGE, atol=1e-3, rtol=1e-3)


def test_variance_is_the_schedulers() -> None:
    scheduler, at = make_scheduler(), torch.tensor([400])
    coefficient = torch.linspace(-1, 1, 16).view(1, 1, 4, 4)
    expected = scheduler._get_variance(400, predicted_variance=coefficient)
    torch.testing.assert_close(Bound(scheduler).log_variance(coefficient, at), expected, atol=1e-4, rtol=1e-4)


def test_term_vanishes_for_the_true_posterior_and_equals_the_divergence_otherwise() -> None:
    scheduler, at = make_scheduler(), torch.tensor([300, 300])
    bound = Bound(scheduler)
    noisy = scheduler.add_noise(IMAGE, NOISE, at)
    smallest = torch.full_like(NOISE, -1.0)
    assert float(bound.term(IMAGE, noisy, torch.cat([NOISE, smallest], dim=1), at).max()) < 1e-5

    predicted = torch.cat([0.9 * NOISE, torch.full_like(NOISE, 0.5)], dim=1)
    guess = bound.clean(noisy, 0.9 * NOISE, at).clamp(-1, 1)
    small, large = bound.log_small[300], bound.log_large[300]
    true = Normal(bound._mean(IMAGE, noisy, at), (0.5 * small).exp())
    made = Normal(bound._mean(guess, noisy, at), (0.5 * (0.75 * large + 0.25 * small)).exp())
    expected = kl_divergence(true, made).flatten(1).mean(dim=1) / math.log(2)
    torch.testing.assert_close(bound.term(IMAGE, noisy, predicted, at), expected, atol=1e-5, rtol=1e-3)


def test_levels_are_a_distribution() -> None:
    levels = torch.arange(256).float() / 127.5 - 1
    for mean, scale in ((0.1, 0.05), (-1.0, 0.3), (0.9, 1.0)):
        likelihoods = discrete_log_likelihood(
            levels, torch.full_like(levels, mean), torch.full_like(levels, math.log(scale))
        ).exp()
        assert abs(float(likelihoods.sum()) - 1) < 1e-3
        assert abs(float(levels[likelihoods.argmax()]) - max(mean, -1.0)) < 0.01 or scale > 0.2


def test_fully_noised_pictures_cost_next_to_nothing() -> None:
    prior = Bound(make_scheduler()).prior(IMAGE)
    assert prior.shape == (2,)
    assert 0 <= float(prior.min()) <= float(prior.max()) < 1e-3
