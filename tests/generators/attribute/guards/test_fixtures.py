"""Known faults change what they are meant to change and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.complexity import measure_mid_band
from editmill.generators.attribute.guards import fixtures
from editmill.generators.compositing.composite import matte
from editmill.manifests.arrays import Feature
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, photo, source

ALPHA = matte(disc(9, centre=(20, 20)) / np.float32(255))
IMAGE = source(mask=disc(9, centre=(20, 20))).image
RNG = np.random.default_rng(0)
BACKGROUNDS = {
    "busier": fixtures.busier(IMAGE, ALPHA, RNG),
    "simpler": fixtures.simpler(IMAGE, ALPHA),
    "noise": fixtures.noisy_background(IMAGE, ALPHA, RNG),
}


@pytest.mark.parametrize("changed", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_faults_of_the_background_leave_the_object(changed: Feature) -> None:
    assert np.array_equal(changed[ALPHA == 255], IMAGE[ALPHA == 255])
    assert (changed[ALPHA == 0] != IMAGE[ALPHA == 0]).any()


def test_faults_of_the_outline_leave_what_is_kept() -> None:
    for changed in (fixtures.grown_object(IMAGE, ALPHA, 3), fixtures.ringed(IMAGE, ALPHA)):
        assert np.array_equal(changed[ALPHA == 255], IMAGE[ALPHA == 255])
        assert np.array_equal(changed[:, 45:], IMAGE[:, 45:])


@pytest.mark.parametrize("seed", [0, 1])
def test_busier_and_simpler(seed: int) -> None:
    image, nowhere = photo(seed), np.zeros((HEIGHT, WIDTH), np.uint8)
    busy, calm = fixtures.busier(image, nowhere, np.random.default_rng(seed)), fixtures.simpler(image, nowhere)
    assert measure_mid_band(calm, nowhere) < measure_mid_band(image, nowhere) < measure_mid_band(busy, nowhere)


def test_the_object_does_not_bleed_into_a_simpler_background() -> None:
    plain = np.where((ALPHA > 0)[..., None], np.uint8(250), np.full_like(IMAGE, 40))
    assert (fixtures.simpler(plain, ALPHA)[ALPHA == 0] == 40).all()


@given(st.integers(4, 12), st.integers(4, 12), st.integers(0, 60), st.integers(0, 40))
def test_a_second_copy_does_not_touch_the_first(width: int, height: int, left: int, top: int) -> None:
    mask = box(left, top, left + width, top + height)
    image = np.where(mask[..., None] > 0, np.uint8(255), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    doubled = fixtures.second_copy(image, mask)
    assert doubled is not None
    assert np.count_nonzero(doubled[..., 0]) == 2 * width * height


def test_no_second_copy_where_there_is_no_room() -> None:
    assert fixtures.second_copy(IMAGE, box(10, 10, 80, 60)) is None


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_shifting(right: int, down: int) -> None:
    mask = box(30, 20, 50, 40)
    assert np.array_equal(fixtures.shifted(mask, right, down), box(30 + right, 20 + down, 50 + right, 40 + down))
