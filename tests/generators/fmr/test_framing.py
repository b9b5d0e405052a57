"""The frame of sources."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.fmr.framing import frame


def test_the_middle_is_kept_and_sides_fit() -> None:
    image = np.arange(13 * 18 * 3, dtype=np.uint8).reshape(13, 18, 3)
    framed = frame(image, side=0, multiple=4)
    assert framed.shape == (12, 16, 3)
    assert np.array_equal(framed, image[:12, 1:17])
    assert framed.flags.writeable


def test_a_square_is_cut_after_scaling_the_shorter_side() -> None:
    image = np.full((40, 60, 3), 90, np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 30:] = 255
    assert frame(image, side=20, multiple=8).shape == (16, 16, 3)
    cut = frame(mask, side=20, multiple=4, mask=True)
    assert set(np.unique(cut)) == {0, 255}
    assert abs(float(cut.mean()) / 255 - 0.5) < 0.06
    assert frame(image, side=80, multiple=4).shape == (80, 80, 3)


def test_a_picture_smaller_than_the_network_takes_is_an_error() -> None:
    with pytest.raises(ValueError, match="holds no multiple of 8"):
        frame(np.zeros((7, 30, 3), np.uint8), side=0, multiple=8)
