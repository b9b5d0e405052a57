from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from editmill.generators.attribute.geometry import (
    GeometryError,
    full_frame,
    linear_part,
    outline,
    place,
    scale_for_share,
    visible_share,
    warp,
    warp_object,
)
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.compositing.composite import matte, object_share
from editmill.manifests.arrays import Feature, Mask
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, source

IDENTITY = np.eye(2, 3)
KINDS = ("ellipse", "box", "ring", "triangle")
BORDERS = {
    "left": (0, 20, 30, 44),
    "top": (30, 0, 60, 30),
    "right": (66, 20, WIDTH, 44),
    "bottom": (30, 34, 60, HEIGHT),
    "corner": (0, 0, 30, 30),
    "almost left": (1, 20, 30, 44),
}


@st.composite
def masks(
    draw: st.DrawFn, *, border: int = 3, sides: tuple[int, int] = (80, 160), kinds: tuple[str, ...] = KINDS
) -> Mask:
    """A shape at least ``border`` pixels from the frame's border."""
    width, height = draw(st.integers(*sides)), draw(st.integers(*sides))
    rx, ry = draw(st.integers(10, 30)), draw(st.integers(10, 30))
    x, y = (
        draw(st.integers(rx + border, width - rx - border - 1)),
        draw(st.integers(ry + border, height - ry - border - 1)),
    )
    mask = np.zeros((height, width), np.uint8)
    kind = draw(st.sampled_from(kinds))
    if kind == "box":
        mask[y - ry : y + ry, x - rx : x + rx] = 255
    elif kind == "triangle":
        cv2.fillPoly(mask, [np.array([[x, y - ry], [x - rx, y + ry], [x + rx, y + ry]])], 255)
    else:
        cv2.ellipse(mask, (x, y), (rx, ry), 0, 0, 360, 255, -1)
    if kind == "ring":
        cv2.ellipse(mask, (x, y), (rx // 3, ry // 3), 0, 0, 360, 0, -1)
    return mask


def coverage_of(mask: Mask, matrix: Feature) -> Mask:
    return warp(mask.astype(np.float32) / 255, matrix, (mask.shape[1], mask.shape[0])).clip(0, 1)


def centroid(weights: Feature) -> Feature:
    rows, columns = np.indices(weights.shape)
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()


def corners(mask: Mask, matrix: Feature) -> tuple[Feature, Feature]:
    """Where the outer edges of the mask's box land, in output pixel indices."""
    rows, columns = np.nonzero(mask)
    low, high = np.array([columns.min(), rows.min()]) - 0.5, np.array([columns.max(), rows.max()]) + 0.5
    return matrix[:, :2] @ low + matrix[:, 2], matrix[:, :2] @ high + matrix[:, 2]


@given(masks())
def test_same_size_is_the_identity_and_keeps_every_byte(mask: Mask) -> None:
    matrix = place(outline(mask), 1.0)
    assert np.array_equal(matrix, IDENTITY)
    image = source(mask=mask).image
    colours, coverage = warp_object(image, mask, matrix)
    assert np.array_equal(coverage, mask.astype(np.float32) / 255)
    assert np.array_equal(colours[mask > 0], image[mask > 0])


def fitting_matrix(mask: Mask, share: float, *, angle: float = 0.0) -> Feature:
    """The matrix for a share of the frame; only objects that are too long for the frame are let off."""
    try:
        return scale_for_share(mask, outline(mask), share, angle=angle)[1]
    except GeometryError as error:
        assume(error.reason != AttributeReason.OBJECT_OUT_OF_FRAME)
        raise


@settings(max_examples=60)
@given(masks(sides=(192, 300), kinds=("ellipse", "ring", "triangle")), st.floats(0.03, 0.12), st.integers(-45, 44))
def test_share_is_reached(mask: Mask, share: float, angle: int) -> None:
    assert object_share(coverage_of(mask, fitting_matrix(mask, share, angle=angle))) == pytest.approx(share, abs=0.002)


# Derandomised, since the failing examples are rare enough to hide in a short run.
@settings(max_examples=60, derandomize=True)
@given(masks(kinds=("box",), sides=(128, 200)), st.floats(0.03, 0.12))
def test_share_of_upright_boxes_is_reached_as_far_as_whole_rows_of_pixels_allow(mask: Mask, share: float) -> None:
    coverage = coverage_of(mask, fitting_matrix(mask, share))
    rows, columns = np.nonzero(coverage > 0.5)
    # A little larger, and the object gains a row and a column on either side: the nearest scale is off by half of that
    # at most.
    half_step = (np.ptp(rows) + np.ptp(columns) + 4) / mask.size + 0.0005
    assert object_share(coverage) == pytest.approx(share, abs=half_step)


@pytest.mark.parametrize(
    ("mask", "share"),
    [(box(84, 31, 124, 79, width=133, height=193), 0.117), (box(31, 33, 83, 83, width=135, height=129), 0.1173)],
)
def test_search_brackets_the_share(mask: Mask, share: float) -> None:
    # Steps of the share near which plain iteration alternates and ends 0.004 off.
    matrix = scale_for_share(mask, outline(mask), share)[1]
    assert object_share(coverage_of(mask, matrix)) == pytest.approx(share, abs=0.0015)


@settings(max_examples=40)
@given(st.sampled_from(sorted(BORDERS)), st.floats(0.03, 0.08), st.integers(-45, 44))
def test_share_is_reached_of_objects_that_the_frame_cuts(border: str, share: float, angle: int) -> None:
    mask = box(*BORDERS[border])
    assert object_share(coverage_of(mask, fitting_matrix(mask, share, angle=angle))) == pytest.approx(share, abs=0.005)


def test_returned_scale_is_the_matrix_scale() -> None:
    scale, matrix = scale_for_share(disc(), outline(disc()), 0.05, angle=30)
    assert matrix[:, :2] == pytest.approx(linear_part(scale, 30))


@settings(max_examples=40)
@given(masks(), st.floats(0.4, 1.0), st.integers(-180, 180))
def test_turning_keeps_the_centroid(mask: Mask, scale: float, angle: int) -> None:
    shape = outline(mask)
    reach = np.hypot(*(shape.points - shape.centre).T).max() * scale + 2
    room = np.array([shape.width, shape.height]) - 1
    assume(bool((shape.centre - reach >= 0).all() and (shape.centre + reach <= room).all()))
    moved = centroid(coverage_of(mask, place(shape, scale, angle=angle)))
    assert np.abs(moved - shape.centre).max() < 1


def test_positive_angles_turn_counter_clockwise() -> None:
    # A box to the right of a disc goes above it after a quarter turn to the left.
    mask = np.maximum(disc(10, centre=(40, 32)), box(50, 30, 62, 34))
    x, y = place(outline(mask), 1.0, angle=90)[:, :2] @ np.array([1.0, 0.0])
    assert (round(x, 9), round(y, 9)) == (0.0, -1.0)
    turned = coverage_of(mask, place(outline(mask), 1.0, angle=90))
    rows, columns = np.nonzero(turned > 0.5)
    assert rows.max() - rows.min() > columns.max() - columns.min()
    # The box is narrower than the disc, so the top row is.
    assert (turned[rows.min()] > 0.5).sum() < (turned[rows.max() - 3] > 0.5).sum()


@settings(max_examples=60)
@given(masks(), st.floats(0.3, 1.4), st.integers(-45, 44), st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_object_stays_in_the_frame(mask: Mask, scale: float, angle: int, position: tuple[float, float] | None) -> None:
    shape = outline(mask)
    try:
        matrix = place(shape, scale, angle=angle, position=position)
    except GeometryError:
        assume(False)
    landed = shape.points @ matrix[:, :2].T + matrix[:, 2]
    assert landed.min() >= -0.5 - 1
    assert (landed.max(axis=0) <= np.array([shape.width, shape.height]) - 0.5 + 1).all()
    # Nothing is lost beyond the border.
    assert coverage_of(mask, matrix).sum() == pytest.approx((mask > 0).sum() * scale**2, rel=0.05)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("position", [None, (0.5, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("scale", [0.4, 0.6, 1.2])
def test_object_cut_by_the_frame_stays_at_its_border(
    border: str, position: tuple[float, float] | None, scale: float
) -> None:
    mask = box(*BORDERS[border])
    alpha = matte(coverage_of(mask, place(outline(mask), scale, position=position)))
    edges = {
        "left": alpha[:, 0],
        "top": alpha[0],
        "right": alpha[:, -1],
        "bottom": alpha[-1],
        "almost left": alpha[:, 0],
    }
    for edge in ("left", "top") if border == "corner" else (border,):
        assert edges[edge].max() == 255


@given(st.sampled_from([name for name in BORDERS if name != "corner"]), st.floats(0.3, 1.0), st.integers(-45, 44))
def test_cut_is_on_or_beyond_its_border_however_the_object_turns(border: str, scale: float, angle: int) -> None:
    mask = box(*BORDERS[border])
    shape = outline(mask)
    matrix = place(shape, scale, angle=angle)
    for side, cut in enumerate(shape.cuts):
        landed = (shape.points[cut] @ matrix[:, :2].T + matrix[:, 2])[:, side % 2]
        outer_edge = -0.5 if side < 2 else (WIDTH, HEIGHT)[side % 2] - 0.5
        beyond = outer_edge - (landed - scale / 2) if side < 2 else landed + scale / 2 - outer_edge
        assert (beyond >= -1e-9).all()
    assert coverage_of(mask, matrix).sum() > 0.3 * (mask > 0).sum() * scale**2


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("angle", [0, 30])
def test_without_hiding_its_cut_the_object_just_touches_its_border(border: str, angle: int) -> None:
    mask = box(*BORDERS[border])
    coverage = coverage_of(mask, place(outline(mask), 0.5, angle=angle, hide_cuts=False))
    edges = {
        "left": coverage[:, 0],
        "top": coverage[0],
        "right": coverage[:, -1],
        "bottom": coverage[-1],
        "almost left": coverage[:, 0],
    }
    for edge in ("left", "top") if border == "corner" else (border,):
        assert edges[edge].max() > 0.2
    assert coverage.sum() == pytest.approx((mask > 0).sum() * 0.25, rel=0.03)


@pytest.mark.parametrize(
    ("corners_of_shape", "edge"),
    [([(0, 10), (95, 25), (95, 35), (0, 50)], 0), ([(0, 25), (95, 10), (95, 50), (0, 35)], -1)],
)
def test_object_across_the_frame_stays_at_its_longer_cut(corners_of_shape: list[tuple[int, int]], edge: int) -> None:
    mask = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [np.array(corners_of_shape)], 255)
    coverage = coverage_of(mask, place(outline(mask), 0.5))
    assert coverage[:, edge].max() > 0.9
    assert coverage[:, -1 - edge].max() == 0


@pytest.mark.parametrize("angle", [0, 45])
def test_object_larger_than_the_frame_is_refused(angle: int) -> None:
    mask = disc(14)
    with pytest.raises(GeometryError, match="of 64 pixels") as caught:
        place(outline(mask), 2.5, angle=angle)
    assert caught.value.reason == AttributeReason.OBJECT_OUT_OF_FRAME
    with pytest.raises(GeometryError):
        scale_for_share(mask, outline(mask), 0.7, angle=angle)


@given(st.floats(0, 1), st.floats(0, 1))
def test_position_divides_the_free_room(x: float, y: float) -> None:
    mask = box(30, 20, 60, 50)
    low, high = corners(mask, place(outline(mask), 0.5, position=(x, y)))
    assert low == pytest.approx([x * (WIDTH - 15) - 0.5, y * (HEIGHT - 15) - 0.5])
    assert high == pytest.approx(low + 15)


@pytest.mark.parametrize(("fraction", "edges"), [(0.0, (0, 0)), (1.0, (WIDTH - 1, HEIGHT - 1))])
def test_positions_zero_and_one_touch_the_borders(fraction: float, edges: tuple[int, int]) -> None:
    coverage = coverage_of(disc(), place(outline(disc()), 0.5, position=(fraction, fraction)))
    assert coverage[:, edges[0]].max() > 0.5
    assert coverage[edges[1]].max() > 0.5


@settings(max_examples=60)
@given(masks(border=0))
def test_full_frame_meets_the_frame_and_stays_inside_the_source(mask: Mask) -> None:
    scale, matrix = full_frame(outline(mask))
    size = np.array([mask.shape[1], mask.shape[0]])
    low, high = corners(mask, matrix)
    assert ((high - low) / size).max() == pytest.approx(1)
    # The frame's own corners, taken back to the source, lie inside it.
    window_low, window_high = ((np.array(edge) - matrix[:, 2]) / scale for edge in ((-0.5, -0.5), size - 0.5))
    assert (window_low >= -0.5 - 1e-6).all()
    assert (window_high <= size - 0.5 + 1e-6).all()
    # And they contain the whole object.
    assert (low >= -0.5 - 1e-6).all()
    assert (high <= size - 0.5 + 1e-6).all()
    assert scale >= 1


@settings(max_examples=25)
@given(st.floats(0.1, 0.9), st.integers(0, 5))
def test_shrinking_keeps_the_mean_brightness(scale: float, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (200, 200)).astype(np.float32)
    checker = (np.indices((200, 200)).sum(axis=0) % 2 * 255).astype(np.float32)
    inner = np.s_[5 : int(200 * scale) - 5, 5 : int(200 * scale) - 5]
    for image in (noise, checker):
        matrix = np.array([[scale, 0, 0.5 * scale - 0.5], [0, scale, 0.5 * scale - 0.5]])
        assert warp(image, matrix, (200, 200))[inner].mean() == pytest.approx(image.mean(), rel=0.05)


@pytest.mark.parametrize("scale", [0.12, 0.25, 0.5])
def test_strong_shrinking_averages_fine_detail_away(scale: float) -> None:
    checker = (np.indices((200, 200)).sum(axis=0) % 2 * 255).astype(np.float32)
    matrix = np.array([[scale, 0, 0.5 * scale - 0.5], [0, scale, 0.5 * scale - 0.5]])
    small = warp(checker, matrix, (200, 200))[4 : int(200 * scale) - 4, 4 : int(200 * scale) - 4]
    # Sampling without a filter would keep most of the contrast of 127.5.
    assert small.std() < 30


@settings(max_examples=40)
@given(masks(), st.floats(0.2, 1.5), st.integers(-45, 44))
def test_surroundings_do_not_bleed_into_the_object(mask: Mask, scale: float, angle: int) -> None:
    image = np.where(mask[..., None] > 0, np.array([200, 30, 40], np.uint8), np.array([0, 255, 255], np.uint8))
    matrix = np.hstack(
        [
            linear_part(scale, angle),
            np.array([[40.0], [40.0]]) - linear_part(scale, angle) @ outline(mask).centre[:, None],
        ]
    )
    colours, coverage = warp_object(image, mask, matrix)
    seen = colours[coverage > 0.05].astype(int)
    assert np.abs(seen - [200, 30, 40]).max(initial=0) <= 1


def test_a_constant_frame_stays_constant_when_it_is_enlarged_to_its_border() -> None:
    grey = np.full((60, 90, 3), 200, np.float32)
    _, matrix = full_frame(outline(box(0, 0, 60, 40, width=90, height=60)))
    assert np.array_equal(np.rint(warp(grey, matrix, (90, 60), border=cv2.BORDER_REPLICATE)), grey)


def test_most_of_a_turned_object_stays_visible() -> None:
    mask = box(10, 40, 80, 64, width=96, height=64)
    for angle in range(-45, 46, 15):
        scale, matrix = scale_for_share(mask, outline(mask), 0.05, angle=angle)
        assert visible_share(mask, scale, matrix) > 0.7
