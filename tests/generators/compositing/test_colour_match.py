from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.compositing.colour_match import local_shift, match_palette, rim_shift
from editmill.generators.compositing.removal import blend_fill
from editmill.manifests.arrays import Picture
from tests.generators.pictures import disc, photo

HOLE = disc(12) > 0
INSIDE = cv2.distanceTransform(HOLE.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
DISTANCE = cv2.distanceTransform((~HOLE).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def tinted(image: Picture, seed: int) -> Picture:
    """The picture through a random affine map of colours that keeps them in range."""
    rng = np.random.default_rng(seed)
    mapping = 0.7 * np.eye(3) + rng.uniform(-0.08, 0.08, (3, 3))
    return np.rint(image @ mapping + rng.uniform(20, 40, 3)).clip(0, 255).astype(np.uint8)


def colourful(seed: int) -> Picture:
    return np.dstack([photo(seed + channel)[..., 0] for channel in range(3)])


@given(st.integers(0, 1000))
def test_a_tint_of_the_whole_fill_is_taken_back_in_the_hole(seed: int) -> None:
    image = colourful(seed)
    matched = match_palette(image, tinted(image, seed), DISTANCE, reach=12)
    assert np.abs(matched[HOLE] - image[HOLE]).mean() < 2


def test_black_and_white_are_mended_where_one_shift_can_not() -> None:
    squares = np.kron(np.indices((8, 12)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * 200 + 20
    image = np.repeat(squares, 3, axis=2).astype(np.uint8)
    fill = np.rint(image * [0.9, 1.0, 0.8] + [10, 0, 25]).astype(np.uint8)
    assert np.abs(blend_fill(image, fill, HOLE, 4.0).astype(int) - image).max() <= 2
    shifted = fill + local_shift(image, fill, DISTANCE, depth=12, feather=4.0)
    assert np.abs(shifted - image)[HOLE].max() > 8


def test_flat_surroundings_keep_the_fills_own_contrast() -> None:
    image = np.full((64, 96, 3), 120, np.uint8)
    fill = image.copy()
    fill[28:32, 38:42] = 180
    matched = match_palette(image, fill, DISTANCE, reach=12)
    assert matched[30, 40] == pytest.approx([180] * 3, abs=1)


def test_a_shadow_across_the_rim_ends_softly_inside_of_the_hole() -> None:
    fill = np.full((64, 96, 3), 150.0, np.float32)
    image = np.full((64, 96, 3), 150, np.uint8)
    image[:, 48:] = 120
    shift = rim_shift(image, fill, DISTANCE, INSIDE, feather=4.0)
    middle = int(np.argmax(HOLE.any(axis=1))) + 12
    columns = np.flatnonzero(HOLE[middle])
    lit, shadowed = shift[middle, columns[0], 0], shift[middle, columns[-1], 0]
    assert lit == pytest.approx(0, abs=1)
    assert shadowed == pytest.approx(-30, abs=3)
    profile = shift[middle, columns[-12:], 0]
    assert (np.diff(profile) <= 0.1).all()
    assert profile[0] > -5


def test_a_fill_that_fits_its_rim_is_not_shifted() -> None:
    image = colourful(3)
    assert not rim_shift(image, image, DISTANCE, INSIDE, feather=4.0).any()
