"""Placing by edit, and the publication's geometry that ``compat`` brings back."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.attribute.geometry import GeometryError
from editmill.generators.attribute.placing import Placed, Placer, resampled
from editmill.generators.attribute.published_geometry import frame_rotation, grown_mask, published_scale
from editmill.generators.attribute.settings import Quirk
from editmill.generators.base.edits import Scalar, make_edit
from editmill.generators.base.loaded import LoadedSource
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, source

PIXELS = WIDTH * HEIGHT


def place(
    name: str,
    *quirks: Quirk,
    loaded: LoadedSource | None = None,
    level: float = 0.0,
    whole_frame: bool = True,
    **draws: Scalar,
) -> Placed:
    placer = Placer(max_upsampling=9, quirks=quirks, whole_frame=whole_frame)
    return placer.place(loaded or source(), make_edit("attribute", name, level=level, **draws))


def centroid(alpha: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(alpha > 127)
    return np.array([columns.mean(), rows.mean()])


def test_resampling_keeps_the_place_and_loses_detail() -> None:
    loaded = source()
    placed = place("resample", share=0.05)
    assert np.array_equal(placed.alpha, place("original").alpha)
    assert placed.reference.shape == loaded.image.shape
    assert (
        np.abs(np.diff(placed.reference.astype(int), axis=1)).mean()
        < np.abs(np.diff(loaded.image.astype(int), axis=1)).mean()
    )
    # An object smaller than the share would be enlarged, which loses nothing.
    assert np.array_equal(resampled(source(mask=disc(3)), 0.5), source(mask=disc(3)).image)


def test_full_enlarges_the_whole_picture_or_as_published_the_object_alone() -> None:
    whole, alone = place("full"), place("full", whole_frame=False)
    assert np.array_equal(whole.matrix, alone.matrix)
    inside = (whole.alpha == 255) & (alone.alpha == 255)
    assert inside.sum() > 500
    assert np.abs(whole.reference[inside].astype(int) - alone.reference[inside]).mean() < 3
    empty = ~alone.reference.any(axis=-1)
    assert empty.mean() > 0.1
    assert whole.reference[empty].any(axis=-1).all()


def test_turning_about_the_frame_moves_objects_and_ours_does_not() -> None:
    loaded = source(mask=disc(6, centre=(30, 25)))
    ours, published = (
        place("direction", *quirks, loaded=loaded, level=0.02, angle=40) for quirks in ((), ("frame-rotation",))
    )
    assert centroid(ours.alpha) == pytest.approx([30, 25], abs=1)
    middle = np.array([WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5])
    offset = np.array([30, 25]) - middle
    angle = np.deg2rad(40)
    turned = np.array(
        [np.cos(angle) * offset[0] + np.sin(angle) * offset[1], -np.sin(angle) * offset[0] + np.cos(angle) * offset[1]]
    )
    assert centroid(published.alpha) == pytest.approx(middle + turned, abs=1)
    assert published.angle == 40


def test_an_object_turned_out_of_the_published_frame_is_refused() -> None:
    with pytest.raises(GeometryError, match="deep enough"):
        place("direction", "frame-rotation", loaded=source(mask=disc(3, centre=(4, 4))), level=0.004, angle=45)


def test_the_loose_size_stops_far_from_the_share_and_silently_keeps_objects() -> None:
    mask = disc(11)
    share = mask.astype(bool).mean()
    wanted = float(share) - 0.012
    assert published_scale(mask, wanted)[0] == 1.0
    assert abs(place("size", level=wanted, loaded=source(mask=mask)).alpha.mean() / 255 - wanted) < 0.003
    loose = place("size", "loose-size", level=wanted, loaded=source(mask=mask))
    assert np.array_equal(loose.reference[loose.alpha == 255], source(mask=mask).image[loose.alpha == 255])


def test_the_published_search_scales_about_the_box() -> None:
    mask = box(20, 20, 60, 50)
    scale, matrix = published_scale(mask, 0.05)
    assert scale == pytest.approx(np.sqrt(0.05 / (1200 / PIXELS)))
    assert matrix @ np.array([39.5, 34.5, 1]) == pytest.approx([39.5, 34.5])


def test_frame_rotation_keeps_the_middle() -> None:
    matrix = frame_rotation(np.eye(2, 3), 30, (HEIGHT, WIDTH))
    middle = np.array([WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5])
    assert matrix @ np.array([*middle, 1]) == pytest.approx(middle)


def test_the_published_mask_is_larger() -> None:
    mask = disc(60, centre=(128, 128), width=256, height=256)
    assert grown_mask(mask, 64).astype(bool).mean() > mask.astype(bool).mean() * 1.02


def test_hard_edges_leave_no_seam() -> None:
    assert set(np.unique(place("original", "hard-edge").alpha)) == {0, 255}
    assert len(np.unique(place("original").alpha)) > 2
