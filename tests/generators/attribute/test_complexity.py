"""The complexity measures: what moves them and what does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.complexity import background_spectrum, full_spectrum, measure_mid_band, mid_band
from editmill.manifests.arrays import Feature, Picture
from tests.generators.pictures import disc

SIDE = 96
NOWHERE = np.zeros((SIDE, SIDE), np.uint8)


def texture(seed: int, *, amplitude: float, wavelength: float = 6) -> Feature:
    """Grey waves of one wavelength in pixels, in random directions, uint8 [96, 96, 3]."""
    rng = np.random.default_rng(seed)
    axis = np.arange(SIDE)
    waves = np.zeros((SIDE, SIDE))
    for angle, phase in zip(rng.uniform(0, np.pi, 6), rng.uniform(0, 6.28, 6), strict=True):
        waves += np.sin(2 * np.pi / wavelength * (np.cos(angle) * axis[:, None] + np.sin(angle) * axis[None]) + phase)
    return np.repeat(np.rint(128 + amplitude * waves / 3).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def tensor(image: Picture) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]


@given(st.integers(0, 10_000), st.floats(10, 60), st.floats(1.2, 2))
def test_more_contrast_and_mid_frequencies_are_busier(seed: int, amplitude: float, factor: float) -> None:
    calm, busy = (
        measure_mid_band(texture(seed, amplitude=value), NOWHERE) for value in (amplitude, amplitude * factor)
    )
    assert 0 < calm < busy
    assert measure_mid_band(texture(seed, amplitude=amplitude, wavelength=40), NOWHERE) < calm / 2


def test_flat_pictures_have_none_and_blur_lowers_it() -> None:
    assert measure_mid_band(np.full((SIDE, SIDE, 3), 90, np.uint8), NOWHERE) == pytest.approx(0, abs=0.01)
    image = texture(0, amplitude=50)
    assert measure_mid_band(cv2.GaussianBlur(image, (0, 0), 3), NOWHERE) < measure_mid_band(image, NOWHERE) / 3


def test_the_object_does_not_count() -> None:
    alpha = disc(14, centre=(40, 40), width=SIDE, height=SIDE)
    image = texture(1, amplitude=40)
    changed = np.where(
        alpha[..., None] > 0, np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8), image
    )
    assert measure_mid_band(changed, alpha) == measure_mid_band(image, alpha)
    assert measure_mid_band(changed, NOWHERE) > measure_mid_band(image, NOWHERE)


def test_no_room_beside_the_object_is_no_number() -> None:
    assert np.isnan(measure_mid_band(texture(0, amplitude=40), np.full((SIDE, SIDE), 255, np.uint8)))


def test_the_gradient_is_finite_also_on_flat_pictures_and_zero_on_the_object() -> None:
    background = torch.ones(1, 1, SIDE, SIDE)
    background[..., 30:60, 30:60] = 0
    for picture in (torch.full((1, 3, SIDE, SIDE), 0.5), tensor(texture(0, amplitude=40))):
        leaf = picture.requires_grad_()
        (gradient,) = torch.autograd.grad(mid_band(leaf, background).sum(), leaf)
        assert bool(gradient.isfinite().all())
        assert not gradient[..., 30:60, 30:60].any()


def test_the_published_spectrum_counts_brightness_and_the_object_and_ours_does_not() -> None:
    picture = tensor(texture(2, amplitude=30)) * 2 - 1
    background = torch.ones(1, 1, SIDE, SIDE)
    background[..., 20:50, 20:50] = 0
    changed = picture.clone()
    changed[..., 20:50, 20:50] = torch.rand(1, 3, 30, 30, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert full_spectrum(changed).item() != pytest.approx(full_spectrum(picture).item(), rel=1e-3)
    assert background_spectrum(changed, background).item() == pytest.approx(
        background_spectrum(picture, background).item()
    )
    values = (picture[0] + 1).numpy() / 2
    assert full_spectrum(picture).item() == pytest.approx(np.abs(np.fft.fft2(values)).mean(), rel=1e-4)
