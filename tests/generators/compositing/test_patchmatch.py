from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editmill.generators.compositing.hole import search_window
from editmill.generators.compositing.patchmatch import PatchMatch, origins, with_details
from editmill.generators.models.inpainter import InpaintRequest
from editmill.manifests.arrays import Mask, Picture

RED = (230, 20, 20)


def noise(height: int, width: int, seed: int = 0) -> Picture:
    """Grey noise with a grain of one pixel."""
    grey = np.random.default_rng(seed).integers(60, 200, (height, width, 1), dtype=np.uint8)
    return np.repeat(grey, 3, axis=2)


def scene(height: int = 60, width: int = 80) -> tuple[Picture, Mask]:
    """A red disc on noise, and its hole, bool [H, W]."""
    image, disc = noise(height, width), np.zeros((height, width), np.uint8)
    cv2.circle(disc, (width // 2, height // 2), height // 5, 1, -1)
    image[disc > 0] = RED
    return image, cv2.dilate(disc, np.ones((3, 3), np.uint8)) > 0


def fill(image: Picture, hole: Mask, *, seed: int = 3, side: int = 512) -> Picture:
    return PatchMatch(side=side).fill(InpaintRequest(image, hole, "", seed))


def redness(image: Picture) -> int:
    return int((image[..., 0].astype(int) - image[..., 1]).max())


@pytest.mark.parametrize("side", [512, 40])
def test_fill_shows_the_surroundings_and_nothing_of_the_object(side: int) -> None:
    image, hole = scene()
    before = image.copy()
    filled = fill(image, hole, side=side)
    assert np.array_equal(image, before)
    assert np.array_equal(filled[~hole], image[~hole])
    assert redness(image) > 150
    assert redness(filled) <= 6


def test_fill_has_the_grain_of_the_picture_although_it_was_found_in_a_smaller_one() -> None:
    (image, hole), clean = scene(120, 160), noise(120, 160)
    shrunk = cv2.resize(cv2.resize(clean, (80, 60), interpolation=cv2.INTER_AREA), (160, 120))
    assert shrunk[hole].std() < 0.6 * clean[hole].std()
    assert fill(image, hole, side=80)[hole].std() == pytest.approx(clean[hole].std(), rel=0.25)


def test_fill_goes_on_with_edges_that_the_object_interrupts() -> None:
    image = np.full((60, 80, 3), 40, np.uint8)
    image[30:] = 200
    hole = np.zeros((60, 80), bool)
    hole[20:42, 30:50] = True
    truth = image.copy()
    image[hole] = RED
    assert np.abs(fill(image, hole).astype(int) - truth).mean() < 2


@pytest.mark.parametrize("side", [512, 40])
def test_equal_seeds_give_equal_bytes_and_others_do_not(side: int) -> None:
    image, hole = scene()
    assert np.array_equal(fill(image, hole, side=side), fill(image, hole, side=side))
    assert not np.array_equal(fill(image, hole, side=side), fill(image, hole, side=side, seed=4))


def test_far_parts_of_the_picture_do_not_matter() -> None:
    image, hole = noise(40, 300), np.zeros((40, 300), bool)
    hole[15:25, 20:30] = True
    other = image.copy()
    other[:, 200:] = RED
    assert np.array_equal(fill(image, hole)[:, :100], fill(other, hole)[:, :100])


@settings(max_examples=30)
@given(st.integers(0, 39), st.integers(0, 59), st.integers(1, 12), st.integers(1, 12))
def test_the_search_window_holds_the_hole_and_ends_at_the_frame(top: int, left: int, height: int, width: int) -> None:
    hole = np.zeros((40, 60), bool)
    hole[top : top + height, left : left + width] = True
    rows, columns = search_window(hole, 1.0)
    assert hole[rows, columns].sum() == hole.sum()
    longer = max(
        *hole[rows, columns].any(axis=1).nonzero()[0].shape, *hole[rows, columns].any(axis=0).nonzero()[0].shape
    )
    assert rows.start == max(0, top - longer - 12)
    assert columns.start == max(0, left - longer - 12)


def test_origins_are_known_pixels_and_the_own_place_outside_the_hole() -> None:
    image, hole = scene()
    found = origins(fill(image, hole), hole)
    rows, columns = np.nonzero(~hole)
    assert np.array_equal(found[rows, columns], np.stack([rows, columns], axis=-1))
    # Nor does the patch around an origin hold any of the hole.
    near = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert not near[found[hole][:, 0], found[hole][:, 1]].any()


def test_details_come_from_the_origins() -> None:
    image = np.full((8, 8, 3), 100, np.uint8)
    image[0::2, 4:] = 120
    image[1::2, 4:] = 80
    hole = np.zeros((8, 8), bool)
    hole[:, :4] = True
    small = cv2.resize(image, (4, 4), interpolation=cv2.INTER_AREA)
    origin = np.stack(np.meshgrid(np.arange(4), np.arange(4), indexing="ij"), axis=-1)
    origin[:, :2, 1] += 2
    filled = with_details(image, hole, small, np.full((4, 4, 3), 100, np.uint8), origin)
    assert np.array_equal(filled[:, :4], image[:, 4:])
