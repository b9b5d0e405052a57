from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from editmill.generators.compositing.hole import HoleRule, cast_shadow, closed
from editmill.manifests.arrays import Mask, Picture

EMPTY = np.zeros((30, 40, 3), np.uint8)


@settings(max_examples=50)
@given(hnp.arrays(bool, (30, 40)).filter(np.any), st.floats(0, 0.5))
def test_hole_contains_the_grown_mask_and_not_much_more(inside: Mask, dilation: float) -> None:
    hole = HoleRule(dilation).hole(EMPTY, np.where(inside, 255, 0).astype(np.uint8))
    rows, columns = np.nonzero(inside)
    growth = round((max(np.ptp(rows), np.ptp(columns)) + 1) * dilation) + 2
    distance = ndimage.distance_transform_edt(~inside)
    assert hole[distance <= growth - 1].all()
    assert not hole[distance > growth + 1].any()


def test_hole_takes_in_faint_mask_pixels() -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[10:15, 10:15], mask[5, 30] = 255, 1
    assert HoleRule(0.0).hole(EMPTY, mask)[5, 30]


@settings(max_examples=50)
@given(hnp.arrays(bool, (20, 30)).filter(np.any), st.integers(0, 6))
def test_closing_adds_gaps_alone(mask: Mask, radius: int) -> None:
    shut = closed(mask, radius)
    assert shut[mask].all()
    # What it adds is near the mask, or shut in.
    far = ndimage.distance_transform_edt(~mask) > radius + 1
    assert not (shut & far & ~ndimage.binary_fill_holes(shut & ~far)).any()
    assert np.array_equal(ndimage.binary_fill_holes(shut), shut)


def test_gaps_are_closed_and_wide_bays_and_the_ground_beside_stay_open() -> None:
    mask = np.zeros((80, 80), bool)
    mask[10:70, 10:70] = True
    mask[20:30, 20:30] = False
    mask[40:44, 40:70] = False
    mask[50:70, 30:50] = False
    shut = closed(mask, 3)
    assert shut[20:44, 20:66].all()
    assert not shut[58:70, 36:44].any()
    outside = np.ones_like(mask)
    outside[10:70, 10:70] = False
    assert not shut[outside].any()


def test_a_gap_at_the_border_of_the_frame_is_closed_too() -> None:
    mask = np.zeros((40, 40), bool)
    mask[20:40, 5:35] = True
    mask[30:40, 18:21] = False
    assert closed(mask, 3)[20:40, 5:35].all()


def lit(shade: float, *, tint: tuple[float, float, float] = (1, 1, 1), at: int = 60) -> tuple[Picture, Mask, Mask]:
    """A box on grainy ground with a patch of ``shade`` times its light beside the foot."""
    rng = np.random.default_rng(3)
    ground = np.array([150, 140, 90]) * rng.uniform(0.93, 1.07, (120, 160, 1))
    mask, dark = np.zeros((120, 160), bool), np.zeros((120, 160), np.uint8)
    mask[30:80, 60:100] = True
    cv2.ellipse(dark, (105, at + 16), (20, 6), 0, 0, 360, 1, -1)
    shadow = (dark > 0) & ~mask
    ground[shadow] *= shade * np.array(tint)
    ground[mask] = (200, 30, 30)
    return np.rint(ground).astype(np.uint8), mask, shadow


def test_a_cast_shadow_is_found() -> None:
    image, mask, shadow = lit(0.5)
    found = cast_shadow(image, mask)
    assert (found & shadow).sum() > 0.6 * shadow.sum()
    assert (found & ~mask & ~shadow).sum() < 0.25 * shadow.sum()
    hole = HoleRule(0.05, shadows=True).hole(image, mask.astype(np.uint8))
    assert hole[shadow].mean() > 0.95
    assert HoleRule(0.05).hole(image, mask.astype(np.uint8))[shadow].mean() < 0.5


@pytest.mark.parametrize(
    ("what", "scene"),
    [
        ("hardly darker", lit(0.9)),
        ("black", lit(0.05)),
        ("of another colour", lit(0.5, tint=(1.5, 0.7, 0.7))),
        ("at the head", lit(0.5, at=20)),
    ],
)
def test_what_may_be_no_shadow_is_left_alone(what: str, scene: tuple[Picture, Mask, Mask]) -> None:
    image, mask, _ = scene
    assert not cast_shadow(image, mask).any(), what


def test_dark_ground_that_goes_on_is_no_shadow() -> None:
    image, mask, _ = lit(1.0)
    image[76:] = image[76:] // 2
    assert not cast_shadow(image, mask).any()
