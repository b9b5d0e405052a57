"""Geometry keeps the margins, quality figures are those of the literature, colours come over, codecs deliver."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.watermark.codec import deliver
from editmill.generators.watermark.colour_transfer import match_colours, match_histograms, monge_kantorovich
from editmill.generators.watermark.geometry import flat_share, frame, pad_to
from editmill.generators.watermark.quality import EQUAL_PSNR, psnr, ssim
from editmill.generators.watermark.settings import AttackSettings, WatermarkSettings
from tests.generators.watermark.pictures import textured


def settings(**changes: Any) -> WatermarkSettings:
    small = {"schemes": [{"name": "dwtDct"}], "attacks": [{"name": "pipeline", "start": "none"}], "least_pixels": 4096}
    return WatermarkSettings.model_validate({**small, **changes})


def test_padding_frames_keep_the_whole_picture_and_never_enlarge() -> None:
    wide = textured(0, height=200, width=300)
    assert np.array_equal(frame(wide, settings()), wide)
    assert frame(wide, settings(side=400)).shape == (200, 300, 3)
    assert frame(wide, settings(side=100)).shape == (100, 150, 3)


def test_cropping_frames_cut_the_central_square() -> None:
    wide = textured(0, height=200, width=300)
    assert np.array_equal(frame(wide, settings(side=200, fit="crop")), wide[:, 50:250])
    assert frame(wide, settings(side=256, fit="crop")).shape == (256, 256, 3)


def test_small_pictures_are_refused() -> None:
    with pytest.raises(Unusable, match="least_pixels") as failure:
        frame(textured(0, height=60, width=60), settings())
    assert failure.value.reason == Reason.SOURCE_TOO_SMALL
    for height, width in ((1, 1), (1, 5000), (20, 4000)):
        with pytest.raises(Unusable, match="too few"):
            frame(np.zeros((height, width, 3), np.uint8), settings(side=512, fit="crop"))


@given(height=st.integers(9, 70), width=st.integers(9, 70), multiple=st.sampled_from([1, 8, 16]))
def test_padding_adds_less_than_the_multiple_and_keeps_the_picture(height: int, width: int, multiple: int) -> None:
    picture = textured(1, height=height, width=width)
    padded = pad_to(picture, multiple)
    assert not padded.shape[0] % multiple
    assert not padded.shape[1] % multiple
    assert padded.shape[0] - height < multiple
    assert np.array_equal(padded[:height, :width], picture)


def test_pictures_at_the_limits_are_taken() -> None:
    assert frame(textured(0, height=64, width=80), settings(least_pixels=64 * 80)).shape == (64, 80, 3)
    assert frame(textured(0, height=32, width=160), settings(least_pixels=64 * 64)).shape == (32, 160, 3)
    for height, width, least in ((64, 79, 64 * 80), (31, 200, 64 * 64)):
        with pytest.raises(Unusable, match="are too few"):
            frame(textured(0, height=height, width=width), settings(least_pixels=least))


def test_flat_share_tells_even_from_textured() -> None:
    half = textured(2, height=128, width=128)
    half[:, :64] = 90
    assert flat_share(np.full((64, 64, 3), 9, np.uint8)) == 1
    assert flat_share(textured(2)) < 0.05
    assert 0.4 < flat_share(half) < 0.6


def test_psnr_of_a_known_error() -> None:
    picture = np.full((32, 32, 3), 100, np.uint8)
    assert psnr(picture, picture + 1) == pytest.approx(20 * np.log10(255))
    assert psnr(picture, picture) == EQUAL_PSNR


def test_ssim_is_one_for_equal_pictures_and_falls_with_blur() -> None:
    picture = textured(3)
    values = [ssim(picture, cv2.GaussianBlur(picture, (0, 0), sigma)) for sigma in (0.5, 1.0, 3.0)]
    assert ssim(picture, picture) == pytest.approx(1)
    assert 1 > values[0] > values[1] > values[2]
    assert ssim(picture, 255 - picture) < 0


def test_ssim_of_two_even_pictures_is_the_luminance_term() -> None:
    first, second = (np.full((16, 16, 3), value, np.uint8) for value in (100, 150))
    c1 = (0.01 * 255) ** 2
    assert ssim(first, second) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1))


def test_ssim_is_that_of_scikit_image_and_leaves_the_padded_rim_out() -> None:
    rows, columns = np.mgrid[:32, :40]
    first = np.stack([(columns * 5 + rows * 3) % 256, columns * rows % 256, columns * 7 % 200], -1).astype(np.uint8)
    second = np.roll(first, 1, axis=1)
    second[:3] = 0
    # structural_similarity(..., channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False) of
    # scikit-image 0.26 gives this number.
    assert ssim(first, second) == pytest.approx(0.8026245077896993, abs=1e-12)


def test_the_linear_map_brings_mean_and_covariance_over() -> None:
    source, target = textured(4).astype(float), (textured(5) * [1.0, 0.5, 0.7] + [0, 60, 20]).clip(0, 255)
    mapped = monge_kantorovich(source, target).reshape(-1, 3)
    wanted = target.reshape(-1, 3)
    assert mapped.mean(axis=0) == pytest.approx(wanted.mean(axis=0))
    assert np.cov(mapped.T) == pytest.approx(np.cov(wanted.T), rel=1e-3, abs=0.05)
    assert monge_kantorovich(target, target) == pytest.approx(target, abs=1e-3)


def test_histograms_come_over_channel_by_channel() -> None:
    source, target = textured(6), 255 - textured(7) // 2
    matched = match_histograms(source.astype(float), target)
    for channel in range(3):
        levels = np.linspace(0.05, 0.95, 10)
        assert np.quantile(matched[..., channel], levels) == pytest.approx(
            np.quantile(target[..., channel], levels), abs=1.5
        )


def test_matching_a_picture_with_itself_changes_next_to_nothing() -> None:
    picture = textured(8)
    assert np.abs(match_colours(picture, picture).astype(int) - picture).max() <= 2
    tinted = (picture * [1.0, 0.8, 0.6]).astype(np.uint8)
    assert np.abs(match_colours(tinted, picture).astype(int) - picture).mean() < 2


def test_grey_and_even_pictures_are_matched_without_failing() -> None:
    grey = np.repeat(textured(9)[..., :1], 3, axis=2)
    even = np.full_like(grey, 77)
    assert np.abs(match_colours(even, grey).astype(int).mean() - grey.mean()) < 3
    assert (match_colours(grey, even) == 77).all()


def test_codecs() -> None:
    picture = textured(10)
    assert deliver(picture, AttackSettings(name="p", start="none")) is picture
    strong, weak = (
        psnr(deliver(picture, AttackSettings(name="j", start="none", codec="jpeg", quality=q)), picture)
        for q in (20, 90)
    )
    assert strong < weak < EQUAL_PSNR
    assert deliver(picture, AttackSettings(name="w", start="none", codec="webp", quality=80)).shape == picture.shape
