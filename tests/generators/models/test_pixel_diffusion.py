from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from editmill.generators.models.adm import make_adm_scheduler
from editmill.generators.models.loading import Models
from editmill.generators.models.pixel_diffusion import PixelDiffusion, RespacedSchedule, ancestral_step, space_timesteps
from editmill.manifests.errors import ModelError
from tests.generators.attribute.tiny_diffusion import SIDE, diffusion_models

BETAS = make_adm_scheduler().betas


def test_kept_timesteps_are_the_authors() -> None:
    """Those that ``space_timesteps(1000, [N])`` of guided-diffusion lists."""
    assert space_timesteps(1000, 100)[:12] == [0, 10, 20, 30, 40, 50, 61, 71, 81, 91, 101, 111]
    assert space_timesteps(1000, 4) == [0, 333, 666, 999]
    assert space_timesteps(1000, 1000) == list(range(1000))
    assert space_timesteps(7, 1) == [0]
    # The stride is 2.5: halves go to the even neighbour.
    assert space_timesteps(11, 5) == [0, 2, 5, 8, 10]


@pytest.mark.parametrize(
    ("executed", "first", "alpha", "root", "sigma"),
    [
        (10, 91, 0.912, 0.955, 0.297),
        (25, 242, 0.543, 0.737, 0.676),
        (50, 494, 0.083, 0.287, 0.958),
        (75, 747, 0.0035, 0.059, 0.998),
    ],
)
def test_first_timesteps_are_those_of_the_publication(
    executed: int, first: int, alpha: float, root: float, sigma: float
) -> None:
    """The table of section 3 of the imagenet-e spec."""
    schedule = RespacedSchedule(BETAS, 100)
    assert schedule.timesteps[executed - 1] == first
    assert float(schedule.alphas[executed - 1]) == pytest.approx(alpha, abs=6e-4)
    assert float(schedule.alphas[executed - 1]) ** 0.5 == pytest.approx(root, abs=6e-4)
    assert (1 - float(schedule.alphas[executed - 1])) ** 0.5 == pytest.approx(sigma, abs=6e-4)


def test_a_schedule_cannot_grow() -> None:
    with pytest.raises(ValueError, match="1000 steps can't be respaced to 1001"):
        RespacedSchedule(BETAS, 1001)


@pytest.mark.parametrize("count", [2, 100, 1000])
def test_posterior_is_that_of_two_successive_draws(count: int) -> None:
    """By Bayes: the product of q(x_t | x_s) and q(x_s | x_0) as normals over x_s, for neighbours s < t of the kept
    timesteps.
    """
    schedule = RespacedSchedule(BETAS, count)
    for index in {1, count // 2, count - 1}:
        alpha, before = float(schedule.alphas[index]), float(schedule.alphas[index - 1])
        beta = 1 - alpha / before
        precision = (1 - beta) / beta + 1 / (1 - before)
        assert float(schedule.betas[index]) == pytest.approx(beta, rel=1e-9)
        assert float(schedule.log_small[index].exp()) == pytest.approx(1 / precision, rel=1e-9)
        assert float(schedule.noisy_share[index]) == pytest.approx((1 - beta) ** 0.5 / beta / precision, rel=1e-9)
        assert float(schedule.clean_share[index]) == pytest.approx(before**0.5 / (1 - before) / precision, rel=1e-9)
    assert float(schedule.log_small[0]) == float(schedule.log_small[1])
    assert float(schedule.clean_share[0]) == 1
    assert float(schedule.noisy_share[0]) == 0


def test_whole_schedule_is_that_of_diffusers() -> None:
    scheduler, schedule = make_adm_scheduler(), RespacedSchedule(BETAS, 1000)
    assert torch.allclose(schedule.alphas.float(), scheduler.alphas_cumprod, atol=1e-5)
    clean, noise = torch.rand(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    assert torch.allclose(
        schedule.q_sample(clean, 600, noise), scheduler.add_noise(clean, noise, torch.tensor([600])), atol=1e-5
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return diffusion_models(tmp_path_factory.mktemp("diffusion"))


@torch.inference_mode()
def test_prediction_and_step_are_those_of_diffusers_for_the_same_steps(models: Models) -> None:
    """diffusers' ancestral sampler with learned_range on a schedule of the respaced betas.

    It clips the variance's coefficient nowhere.
    """
    diffusion = PixelDiffusion(models, respacing=40)
    betas = diffusion.schedule.betas.tolist()
    scheduler = DDPMScheduler(
        num_train_timesteps=40, trained_betas=betas, variance_type="learned_range", clip_sample=False
    )
    scheduler.set_timesteps(40)
    for index in (39, 17, 2):
        noisy = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(index))
        prediction = diffusion.predict(noisy, index)
        output = diffusion.unet(noisy, torch.tensor([diffusion.schedule.timesteps[index]])).sample
        theirs = scheduler.step(output, index, noisy, generator=torch.Generator().manual_seed(5))
        noise = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(5))
        assert torch.allclose(prediction.clean, theirs.pred_original_sample, rtol=1e-4, atol=1e-4)
        assert torch.allclose(
            ancestral_step(prediction.mean, prediction.variance, noise), theirs.prev_sample, rtol=1e-4, atol=1e-4
        )


@torch.inference_mode()
def test_network_sees_original_timesteps(models: Models) -> None:
    diffusion, seen = PixelDiffusion(models, respacing=100), []
    hook = diffusion.unet.register_forward_pre_hook(lambda module, inputs: seen.append(int(inputs[1])))
    try:
        for index in (24, 0):
            diffusion.predict(torch.zeros(1, 3, SIDE, SIDE), index)
    finally:
        hook.remove()
    assert seen == [242, 0]


@torch.inference_mode()
def test_variance_lies_between_the_posterior_and_beta_where_the_coefficient_lies_in_range(models: Models) -> None:
    diffusion = PixelDiffusion(models, respacing=100)
    noisy = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    coefficient = diffusion.unet(noisy, torch.tensor([242])).sample[:, 3:]
    variance = diffusion.predict(noisy, 24).variance
    small, large = float(diffusion.schedule.log_small[24].exp()), float(diffusion.schedule.betas[24])
    inside = coefficient.abs() <= 1
    assert 0.1 < inside.float().mean() < 1
    assert ((variance[inside] >= small * 0.999) & (variance[inside] <= large * 1.001)).all()
    assert ((variance < small) | (variance > large)).any()


def test_noise_is_the_seeds(models: Models) -> None:
    diffusion = PixelDiffusion(models, respacing=100)

    def draw(seed: int) -> Tensor:
        return diffusion.noise([torch.Generator().manual_seed(seed)])

    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))
    assert diffusion.side == SIDE


@pytest.mark.parametrize("change", [{"variance_type": "fixed_small"}, {"prediction_type": "v_prediction"}])
def test_other_kinds_of_model_are_model_errors(change: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=next(iter(change.values()))) as caught:
        PixelDiffusion(diffusion_models(tmp_path, **change), respacing=100)
    assert "editmill convert adm" in caught.value.fix
