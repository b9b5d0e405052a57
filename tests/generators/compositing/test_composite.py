from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from editmill.generators.compositing.composite import compose, cover, from_linear, matte, object_share, to_linear
from editmill.manifests.arrays import Feature, Mask, Picture
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, photo

PICTURES = hnp.arrays(np.uint8, (6, 7, 3))
ALPHAS = hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 64, 128, 254, 255]) | st.integers(0, 255))


def coverage(mask: Mask) -> Mask:
    return mask.astype(np.float32) / 255


@given(PICTURES, PICTURES, ALPHAS)
def test_object_and_background_keep_their_bytes_and_the_seam_lies_between(
    foreground: Feature, background: Picture, alpha: Mask
) -> None:
    result = compose(foreground, background, alpha)
    assert result.dtype == np.uint8
    assert np.array_equal(result[alpha == 255], foreground[alpha == 255])
    assert np.array_equal(result[alpha == 0], background[alpha == 0])
    assert (result >= np.minimum(foreground, background)).all()
    assert (result <= np.maximum(foreground, background)).all()


@given(PICTURES, ALPHAS)
def test_compose_of_a_picture_with_itself_is_that_picture(picture: Picture, alpha: Mask) -> None:
    assert np.array_equal(compose(picture, picture, alpha), picture)


def test_compose_leaves_its_arguments_alone() -> None:
    foreground, background = np.full((4, 4, 3), 200, np.uint8), np.full((4, 4, 3), 20, np.uint8)
    compose(foreground, background, np.full((4, 4), 128, np.uint8))
    assert (foreground == 200).all()
    assert (background == 20).all()


def test_seam_is_blended_in_linear_light() -> None:
    white, black = np.full((1, 1, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8)
    # Half of the light of white is 188 in sRGB, not 128.
    assert compose(white, black, np.full((1, 1), 128, np.uint8)).ravel().tolist() == [188] * 3


def test_all_levels_survive_the_way_through_linear_light() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(from_linear(to_linear(levels)), levels)
    assert to_linear(levels[[0, 255]]).tolist() == [0.0, 1.0]
    assert (np.diff(to_linear(levels)) > 0).all()


@pytest.mark.parametrize(("size", "profile"), [(199, [128, 255, 255, 255]), (200, [0, 128, 255, 255])])
def test_alpha_ramps_over_two_pixels_inside_and_leaves_the_outermost_out_of_fine_frames(
    size: int, profile: list[int]
) -> None:
    mask = box(50, 50, 120, 120, width=size, height=size)
    alpha = matte(coverage(mask))
    assert alpha.dtype == np.uint8
    assert alpha[80, 50:54].tolist() == profile
    assert alpha[80, 116:120].tolist() == profile[::-1]
    assert alpha[50:54, 80].tolist() == profile
    assert alpha[80, 49] == alpha[80, 120] == 0


@settings(max_examples=50)
@given(hnp.arrays(np.float32, (24, 24), elements=st.floats(0, 1, width=32)))
def test_alpha_is_nothing_where_coverage_is_at_most_half(values: Feature) -> None:
    alpha = matte(values)
    assert alpha[values <= 0.5].max(initial=0) == 0
    assert (alpha[values > 0.5] > 0).all()


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_object_cut_by_the_frame_has_no_ramp_along_the_border(side: str) -> None:
    mask = {
        "left": box(0, 20, 30, 44),
        "top": box(30, 0, 60, 30),
        "right": box(66, 20, WIDTH, 44),
        "bottom": box(30, 34, 60, HEIGHT),
    }[side]
    alpha = matte(coverage(mask))
    edge = {"left": alpha[:, 0], "top": alpha[0], "right": alpha[:, -1], "bottom": alpha[-1]}[side]
    covered = np.flatnonzero(edge)
    assert (edge[covered[1:-1]] == 255).all()
    # The ends of the cut are the object's own outline.
    assert edge[covered[0]] == edge[covered[-1]] == 128


def test_object_in_the_corner_has_no_ramp_there() -> None:
    assert matte(coverage(box(0, 0, 20, 20)))[0, 0] == 255


def test_object_that_fills_the_frame_is_kept_whole() -> None:
    assert (matte(np.ones((20, 30), np.float32)) == 255).all()


@pytest.mark.parametrize("width", [1, 2])
def test_thin_object_keeps_no_pixel_exactly(width: int) -> None:
    alpha = matte(coverage(box(40, 10, 40 + width, 50)))
    assert alpha.max() == 128


def test_share_is_the_mean_alpha() -> None:
    mask = coverage(disc())
    assert object_share(mask) == pytest.approx(matte(mask).mean() / 255)
    assert object_share(np.zeros((8, 8), np.float32)) == 0
    assert object_share(np.ones((8, 8), np.float32)) == 1


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (30, 200), (200, 30), (48, 48)])
def test_cover_fills_the_frame_with_the_middle(shape: tuple[int, int]) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, 47:49] = image[31:33] = 255
    covered = cover(image, shape)
    assert covered.shape == (*shape, 3)
    light = np.argwhere(covered[..., 0] > 100)
    middle = light.mean(axis=0) if len(light) else np.full(2, -1.0)
    assert middle == pytest.approx((np.array(shape) - 1) / 2, abs=1.5)


def test_cover_of_the_same_shape_is_the_picture_itself() -> None:
    image = photo(1)
    assert np.array_equal(cover(image, image.shape), image)


@pytest.mark.parametrize(("shape", "side"), [((32, 96), 20), ((64, 40), 20), ((128, 100), 40)])
def test_cover_keeps_proportions(shape: tuple[int, int], side: int) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[22:42, 38:58] = 255
    light = cover(image, shape)[..., 0] > 127
    assert (light.any(axis=1).sum(), light.any(axis=0).sum()) == (side, side)
