"""How well the unconditional pixel model takes noise away: against the noisy picture and the best blur.

And how rough restored grounds are.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DModel
from torch import Tensor

from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.checks.common import psnr, to_picture
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.variational import Bound
from editmill.packs.tabletop.training.views import resize
from editmill.packs.tabletop.world import Scene

# What this version holds, so that a later one does not fall behind unseen; the issue names no figure.
BOUNDS: dict[str, float] = {"unconditional_gain_250": 4.5, "unconditional_gain_500": 2.8}
BLURS = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def pictures(scenes: list[Scene], side: int, count: int) -> list[Tensor]:
    """Return scenes and bare grounds in turn, [1, 3, side, side] in [-1, 1]."""
    chosen = [scene.clean if i % 2 else scene.image for i, scene in enumerate(scenes[:count])]
    return [to_tensor(resize(picture, side))[None] for picture in chosen]


def noised(scheduler: DDPMScheduler, image: Tensor, timestep: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return ``image`` at ``timestep`` of the schedule, and the timestep as the network takes it."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    at = torch.tensor([timestep])
    return scheduler.add_noise(image, noise, at), at


@torch.inference_mode()
def _denoising(unet: UNet2DModel, scheduler: DDPMScheduler, images: list[Tensor], timestep: int) -> dict[str, float]:
    bound, scale = Bound(scheduler), float(scheduler.alphas_cumprod[timestep]) ** -0.5
    model, untouched, blurred = [], [], []
    for seed, image in enumerate(images):
        noisy, at = noised(scheduler, image, timestep, seed)
        wanted, crude = to_picture(image), noisy * scale
        # The first three channels predict the noise, the others the variance.
        model.append(psnr(wanted, to_picture(bound.clean(noisy, unet(noisy, at).sample[:, :3], at))))
        untouched.append(psnr(wanted, to_picture(crude)))
        flat = crude[0].permute(1, 2, 0).numpy()
        smooth = [torch.from_numpy(cv2.GaussianBlur(flat, (0, 0), sigma)).permute(2, 0, 1)[None] for sigma in BLURS]
        blurred.append([psnr(wanted, to_picture(one)) for one in smooth])
    best = float(np.max(np.mean(blurred, axis=0)))
    restored = float(np.mean(model))
    name = f"unconditional_psnr_{timestep}"
    return {
        name: restored,
        f"{name}_noisy": float(np.mean(untouched)),
        f"{name}_blur": best,
        f"unconditional_gain_{timestep}": restored - best,
    }


@torch.inference_mode()
def restore(
    unet: UNet2DModel, scheduler: DDPMScheduler, image: Tensor, *, first: int, seed: int, steps: int = 50
) -> Tensor:
    """Return noise ``image`` to about timestep ``first`` and sample back with the learned variance, ``steps`` being
    those of the whole schedule.
    """
    scheduler = DDPMScheduler.from_config(scheduler.config)
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps[scheduler.timesteps <= first]
    generator = torch.Generator().manual_seed(seed)
    sample, _ = noised(scheduler, image, int(timesteps[0]), seed)
    for timestep in timesteps:
        sample = scheduler.step(unet(sample, timestep).sample, timestep, sample, generator=generator).prev_sample
    return sample


def _roughness(picture: Picture) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def _gradient_ratio(unet: UNet2DModel, scheduler: DDPMScheduler, images: list[Tensor], *, first: int) -> float:
    ratios = []
    for seed, image in enumerate(images):
        ratios.append(
            _roughness(to_picture(restore(unet, scheduler, image, first=first, seed=seed)))
            / _roughness(to_picture(image))
        )
    return float(np.median(ratios))


@torch.inference_mode()
def _bits(unet: UNet2DModel, scheduler: DDPMScheduler, images: list[Tensor]) -> float:
    bound, last = Bound(scheduler), scheduler.config.num_train_timesteps - 1
    first: list[float] = []
    others: list[float] = []
    for number, image in enumerate(images):
        # One timestep in each of as many equal intervals as there are pictures; the first one's term is far larger, so
        # all have it.
        later = 1 + int((number + 0.5) / len(images) * last)
        for timestep, terms in ((0, first), (later, others)):
            noisy, at = noised(scheduler, image, timestep, number)
            terms.append(float(bound.term(image, noisy, unet(noisy, at).sample, at)))
    # The first term, the mean of the others as often as they are, and the prior.
    return float(np.mean(first) + last * np.mean(others) + np.mean([float(bound.prior(image)) for image in images]))


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return denoising at a quarter and half of the schedule, roughness of restored grounds, and the bound.

    Returns:
        ``psnr_T``: dB of the picture predicted at timestep T, with ``_noisy`` and ``_blur`` (the best Gaussian blur of
        the noisy picture) as controls and ``gain_T`` over the blur; ``gradient_ratio``: median ratio of the mean
        gradient of grounds noised to T = 480 and sampled back in 25 steps to the true one: below 1 is blurred, above 1
        mottled; ``bits``: an estimate of the variational bound, bits per dimension.
    """
    pipeline = models.get("unconditional")
    unet, scheduler = pipeline.unet, pipeline.scheduler
    images = pictures(scenes, unet.config.sample_size, 48)
    figures = _denoising(unet, scheduler, images, 250) | _denoising(unet, scheduler, images, 500)
    return figures | {
        # Pictures with odd numbers are the bare grounds.
        "unconditional_gradient_ratio": _gradient_ratio(unet, scheduler, images[1:16:2], first=500),
        "unconditional_bits": _bits(unet, scheduler, images),
    }
