from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import resize

from editmill.generators.attribute.faithful import BlendedDiffusion, Steering
from editmill.generators.attribute.settings import FaithfulSettings
from editmill.generators.models.loading import Models
from editmill.generators.models.together import side_by_side
from editmill.manifests.arrays import Picture
from tests.generators.attribute.tiny_diffusion import SIDE, diffusion_models, frames

EXECUTED, TARGET = 4, 2
# Strong enough for every term to show on random networks.
STRONG = {"executed": EXECUTED, "range_weight": 400.0, "adversary_scale": 3000.0}
QUIRKS = ("guided-zero", "whole-frame-spectrum", "noisier-object", "detached-adversary", "raw-surrogate")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return diffusion_models(tmp_path_factory.mktemp("faithful"))


def editor(models: Models, *quirks: str, **changes: float) -> BlendedDiffusion:
    return BlendedDiffusion(models, FaithfulSettings(**{**STRONG, **changes, "compat": quirks}))  # type: ignore[arg-type]


def tensors(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Start, subject and region as ``sample`` takes them."""
    background, foreground, keep = frames(seed)
    start, subject = (torch.from_numpy(frame).permute(2, 0, 1)[None] / 127.5 - 1 for frame in (background, foreground))
    return start, subject, torch.from_numpy(~keep).float()[None, None]


class Reference:
    """The edit in plain formulas: algorithm C of the imagenet-e spec, with variables named as in the papers."""

    def __init__(self, models: Models, quirks: tuple[str, ...]) -> None:
        self.unet: Any = models.get("unconditional").unet
        self.classifier: Any = models.get("classifier")
        self.quirks = quirks
        self.kept = [round(number * 999 / 99) for number in range(100)]
        self.bars = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64).neg().add(1).cumprod(0)[self.kept].tolist()

    def spectrum(self, x0: Tensor, m: Tensor) -> Tensor:
        if "whole-frame-spectrum" not in self.quirks:
            mean = (x0 * m).sum((2, 3), keepdim=True).detach() / m.sum()
            x0 = x0 * m + mean * (1 - m)
        return torch.fft.fftn((x0 + 1) / 2, dim=(2, 3)).abs().mean()

    def log_p(self, x0: Tensor, y: int) -> Tensor:
        if "raw-surrogate" in self.quirks:
            pixels = x0.repeat_interleave(256 // SIDE, 2).repeat_interleave(256 // SIDE, 3)
        else:
            pixels = (resize((x0 + 1) / 2, [32, 32], InterpolationMode.BICUBIC, antialias=True) - 0.5) / 0.5
        logits = self.classifier(pixels).logits[0]
        return logits[y] - logits.logsumexp(0)

    def predict(self, x: Tensor, i: int) -> tuple[Tensor, Tensor]:
        out = self.unet(x, torch.tensor([self.kept[i]])).sample
        return (x - math.sqrt(1 - self.bars[i]) * out[:, :3]) / math.sqrt(self.bars[i]), out[:, 3:]

    def step(self, x: Tensor, i: int, m: Tensor, *, weight: float, y: int | None) -> tuple[Tensor, Tensor]:
        """The guided mean and the variance."""
        bar, before = self.bars[i], self.bars[i - 1]
        beta = 1 - bar / before
        x = x.detach().requires_grad_()
        x0, v = self.predict(x, i)
        mu = (math.sqrt(before) * beta * x0 + math.sqrt(bar / before) * (1 - before) * x) / (1 - bar)
        sigma = torch.exp((v + 1) / 2 * math.log(beta) + (1 - v) / 2 * math.log(beta * (1 - before) / (1 - bar)))
        if not weight and y is None and "guided-zero" not in self.quirks:
            return mu.detach(), sigma.detach()
        loss = -weight * self.spectrum(x0, m) + 400 * (x0 - x0.clip(-1, 1)).pow(2).mean()
        extra = torch.zeros(())
        if y is not None and "detached-adversary" in self.quirks:
            free = x0.detach().requires_grad_()
            (extra,) = torch.autograd.grad(3000 * self.log_p(free, y), free)
        elif y is not None:
            loss = loss + 3000 * self.log_p(x0, y)
        return (mu - sigma * (torch.autograd.grad(loss, x)[0] + extra)).detach(), sigma.detach()

    def sample(self, start: Tensor, subject: Tensor, m: Tensor, seed: int, *, weight: float, y: int | None) -> Tensor:
        generator = torch.Generator().manual_seed(seed)

        def q(clean: Tensor, i: int) -> Tensor:
            noise = torch.randn((1, 3, SIDE, SIDE), generator=generator)
            return math.sqrt(self.bars[i]) * clean + math.sqrt(1 - self.bars[i]) * noise

        x = q(start, EXECUTED - 1)
        for i in range(EXECUTED - 1, 0, -1):
            mu, sigma = self.step(x, i, m, weight=weight, y=y)
            x = mu + sigma.sqrt() * torch.randn((1, 3, SIDE, SIDE), generator=generator)
            x = m * x + (1 - m) * q(subject, i if "noisier-object" in self.quirks else i - 1)
        with torch.no_grad():
            return self.predict(x, 0)[0]


CASES = [(weight, target) for weight in (0.0, 300.0, -300.0) for target in (None, TARGET)]


@pytest.mark.parametrize("quirks", [(), *((quirk,) for quirk in QUIRKS), QUIRKS])
@pytest.mark.parametrize(("weight", "target"), CASES)
def test_one_step_equals_the_reference(
    models: Models, quirks: tuple[str, ...], weight: float, target: int | None
) -> None:
    _, _, region = tensors()
    noisy = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    found = editor(models, *quirks).step(noisy, 24, [Steering(region, weight, target)])
    expected = Reference(models, quirks).step(noisy, 24, region, weight=weight, y=target)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("quirks", [(), *((quirk,) for quirk in QUIRKS)])
def test_all_steps_equal_the_reference(models: Models, quirks: tuple[str, ...]) -> None:
    start, subject, region = tensors()
    for weight, target in ((0.0, None), (300.0, TARGET)):
        with torch.no_grad():
            found = editor(models, *quirks).sample(
                start, subject, [Steering(region, weight, target)], [torch.Generator().manual_seed(5)]
            )
        expected = Reference(models, quirks).sample(start, subject, region, 5, weight=weight, y=target)
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("quirk", [*QUIRKS, "truncation"])
def test_each_quirk_changes_the_picture(models: Models, quirk: str) -> None:
    weight, target = (0.0, None) if quirk == "guided-zero" else (300.0, TARGET)
    plain, quirky = (
        editor(models, *quirks).edit(*frames(), weight=weight, seed=1, target=target).image for quirks in ((), (quirk,))
    )
    assert (plain != quirky).any()


@pytest.mark.parametrize("quirk", ["frame-rotation", "grown-mask", "hard-edge", "shared-seed"])
def test_quirks_of_other_stages_change_nothing_here(models: Models, quirk: str) -> None:
    plain, quirky = (
        editor(models, *quirks).edit(*frames(), weight=20, seed=1, target=TARGET).image for quirks in ((), (quirk,))
    )
    assert (plain == quirky).all()


def test_equal_seeds_give_equal_bytes(models: Models) -> None:
    first, again, other = (
        editor(models).edit(*frames(), weight=20, seed=seed, target=TARGET).image for seed in (1, 1, 2)
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert first.dtype == np.uint8
    assert first.shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("quirks", [(), ("detached-adversary",)])
def test_edits_side_by_side_are_those_of_calls_alone(models: Models, quirks: tuple[str, ...]) -> None:
    diffusion, calls = editor(models, *quirks), list[int]()
    jobs = [(0, 20.0, TARGET), (1, -20.0, TARGET + 1), (2, 20.0, None), (3, 0.0, None), (4, 300.0, TARGET)]

    def edit(job: tuple[int, float, int | None]) -> Picture:
        seed, weight, target = job
        return diffusion.edit(*frames(seed), weight=weight, seed=seed, target=target).image

    alone = [edit(job) for job in jobs]
    unet = models.get("unconditional").unet
    hook = unet.register_forward_hook(lambda _, inputs, output: calls.append(len(inputs[0])))
    together = side_by_side(edit, jobs, most=2)
    hook.remove()
    assert calls == [2] * EXECUTED + [1] * 3 * EXECUTED
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(alone, together, strict=True)) <= 1


@pytest.mark.parametrize("quirks", [(), ("noisier-object",), ("whole-frame-spectrum", "detached-adversary")])
def test_object_keeps_its_bytes_and_the_background_is_new(models: Models, quirks: tuple[str, ...]) -> None:
    background, foreground, keep = frames()
    image = editor(models, *quirks).edit(background, foreground, keep, weight=20, seed=1, target=TARGET).image
    assert (image[keep] == foreground[keep]).all()
    assert (image[~keep] != foreground[~keep]).any(axis=-1).mean() > 0.9


@pytest.mark.parametrize(("quirks", "whole"), [((), np.rint), (("truncation",), np.floor)])
def test_grey_levels_are_rounded_unless_the_quirk_cuts_them(
    models: Models, quirks: tuple[str, ...], whole: Any
) -> None:
    start, subject, region = tensors()
    with torch.no_grad():
        clean = editor(models).sample(
            start, subject, [Steering(region, 20.0, None)], [torch.Generator().manual_seed(1)]
        )
    levels = ((clean[0].permute(1, 2, 0).numpy().astype(np.float64) + 1) * 127.5).clip(0, 255)
    background, foreground, keep = frames()
    image = editor(models, *quirks).edit(background, foreground, keep, weight=20, seed=1).image
    # Pixels on the edge between two levels may fall to either side in another precision.
    assert (image[~keep] == whole(levels)[~keep]).mean() > 0.99


def test_truncation_loses_a_grey_level_in_63_of_256(models: Models) -> None:
    """Imagenet-e spec, section 4: [0, 1] to [-1, 1] and back, then cut to whole numbers."""
    levels = np.repeat(np.arange(256, dtype=np.uint8).reshape(SIDE, SIDE, 1), 3, axis=2)
    keep = np.ones((SIDE, SIDE), bool)
    truncated = editor(models, "truncation").edit(levels, levels, keep, weight=0, seed=1).image[..., 0]
    assert (levels[..., 0] - truncated == 1).sum() == 63
    assert (levels[..., 0] == truncated).sum() == 256 - 63
    assert (editor(models).edit(levels, levels, keep, weight=0, seed=1).image == levels).all()


@contextmanager
def forward_calls(models: Models) -> Iterator[list[bool]]:
    """For each pass through the network, whether it was prepared for a backward one."""
    calls: list[bool] = []
    hook = models.get("unconditional").unet.register_forward_hook(
        lambda module, inputs, output: calls.append(output.sample.requires_grad)
    )
    try:
        yield calls
    finally:
        hook.remove()


@pytest.mark.parametrize(
    ("quirks", "weight", "target", "guided"),
    [((), 0.0, None, False), (("guided-zero",), 0.0, None, True), ((), 20.0, None, True), ((), 0.0, TARGET, True)],
)
def test_guidance_is_paid_for_where_it_is_used(
    models: Models, quirks: tuple[str, ...], weight: float, target: int | None, guided: bool
) -> None:
    with forward_calls(models) as calls:
        result = editor(models, *quirks).edit(*frames(), weight=weight, seed=1, target=target)
    assert calls == [guided] * (EXECUTED - 1) + [False]
    assert result.guided == guided
    assert result.evaluations == len(calls) + sum(calls)


@pytest.mark.parametrize(("executed", "first"), [(1, 0), (10, 91), (25, 242)])
def test_first_timestep_is_recorded(models: Models, executed: int, first: int) -> None:
    result = editor(models, executed=executed).edit(*frames(), weight=0, seed=1)
    assert (result.first_t, result.evaluations) == (first, executed)


@pytest.mark.parametrize("quirks", [(), ("whole-frame-spectrum",)])
def test_opposite_lambdas_push_in_opposite_directions(models: Models, quirks: tuple[str, ...]) -> None:
    """The publication's shell script set the sign to plus whatever it was asked for."""
    _, _, region = tensors()
    noisy = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    diffusion = editor(models, *quirks, range_weight=0)
    busier, plain, simpler = (
        diffusion.step(noisy, 24, [Steering(region, weight, None)])[0] for weight in (300.0, 0.0, -300.0)
    )
    assert torch.allclose(busier - plain, plain - simpler, atol=1e-5)
    assert (busier - plain).abs().max() > 1e-2


def test_default_spectrum_does_not_push_the_object(models: Models) -> None:
    clean, _, region = tensors()
    clean.requires_grad_()
    (gradient,) = torch.autograd.grad(
        editor(models, range_weight=0)._loss(clean, [Steering(region, 20.0, None)]), clean
    )
    assert gradient[(region == 0).expand_as(gradient)].abs().max() == 0
    assert gradient[(region == 1).expand_as(gradient)].abs().min() > 0


def test_adversary_lowers_the_surrogates_log_probability(models: Models) -> None:
    diffusion = editor(models, executed=10)

    def log_probability(seed: int, target: int | None) -> float:
        image = diffusion.edit(*frames(seed), weight=0, seed=seed, target=target).image
        picture = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
        return float(diffusion.surrogate.log_probability(picture, TARGET))

    changes = [log_probability(seed, TARGET) - log_probability(seed, None) for seed in range(6)]
    assert np.mean(changes) < -0.02
    assert max(changes) < 0


def test_divergence_is_an_error_that_names_lambda(models: Models) -> None:
    with pytest.raises(ValueError, match=r"diverged at lambda 1e\+38"):
        editor(models).edit(*frames(), weight=1e38, seed=1)


def test_frames_of_another_size_are_errors(models: Models) -> None:
    background, foreground, keep = frames()
    with pytest.raises(ValueError, match=r"the keep is of shape \(15, 16\); the model's frames are \(16, 16\)"):
        editor(models).edit(background, foreground, keep[1:], weight=0, seed=1)
    assert editor(models).side == SIDE


def test_surrogate_loads_only_when_used(models: Models) -> None:
    missing = BlendedDiffusion(models, FaithfulSettings(executed=2), surrogate="nothing")
    assert missing.edit(*frames(), weight=20, seed=1).guided
    with pytest.raises(ValueError, match="'nothing'"):
        missing.edit(*frames(), weight=20, seed=1, target=TARGET)
