"""Segmentations of COCO: what its own library draws, from polygons and run lengths, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pycocotools import mask as coco

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.pipelines.sources.segmentation import decode_segmentation

SIZE = (20, 30)
masks = npst.arrays(np.uint8, npst.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 1))


def run_lengths(mask: np.ndarray) -> list[int]:
    """Down the columns, the background first."""
    flat = np.concatenate([[0], mask.T.ravel(), [-1]])
    edges = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], edges])).tolist()


@given(masks)
def test_numbers_and_their_compressed_form_are_the_mask(mask: np.ndarray) -> None:
    size = list(mask.shape)
    text = coco.encode(np.asfortranarray(mask))["counts"].decode()
    for counts in (run_lengths(mask), text):
        decoded = decode_segmentation({"size": size, "counts": counts}, mask.shape, "a")
        assert np.array_equal(decoded, mask * 255)
        assert decoded.dtype == np.uint8


@pytest.mark.parametrize(
    ("polygons", "pixels"),
    [
        ([[4, 4, 15, 4, 15, 15, 4, 15]], 121),
        ([[[4, 4], [15, 4], [15, 15], [4, 15]]], 121),
        ([["4", "4", "15", "4", "15", "15", "4", "15"]], 121),
        # A part within a part, a line, a point and nothing add no pixel.
        ([[4, 4, 15, 4, 15, 15, 4, 15], [6, 6, 9, 6, 9, 9], [1, 1, 3, 1], [2, 2], []], 121),
        ([[4, 4, 15, 4, 15, 15, 4, 15], [16, 4, 20, 4, 20, 8, 16, 8]], 137),
        ([[-2, -2, 8, -2, 8, 8, -2, 8]], 64),
        ([[1, 1, 9, 9]], 0),
        ([], 0),
    ],
)
def test_polygons_are_drawn_as_coco_draws_them(polygons: Any, pixels: int) -> None:
    assert (decode_segmentation(polygons, SIZE, "a") > 0).sum() == pixels


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        "x",
        5,
        {},
        {"counts": [600]},
        {"size": [20, 30]},
        {"size": [20], "counts": [600]},
        {"size": ["20", "30"], "counts": [600]},
        {"size": [20, 30], "counts": None},
        {"size": [20, 30], "counts": []},
        {"size": [20, 30], "counts": [599]},
        {"size": [20, 30], "counts": [300, 301]},
        {"size": [20, 30], "counts": [10**12, 5]},
        {"size": [20, 30], "counts": [700, -100]},
        {"size": [20, 30], "counts": [300.0, 300.0]},
        {"size": [20, 30], "counts": [599, True]},
        {"size": [20, 30], "counts": ["600"]},
        {"size": [20, 30], "counts": ""},
        {"size": [20, 30], "counts": "0"},
        {"size": [20, 30], "counts": "P"},
        {"size": [20, 30], "counts": "oooooooo0"},
        {"size": [20, 30], "counts": "é"},
        {"size": [20, 30], "counts": "\ud83d"},
        [1, 2, 3, 4, 5, 6],
        [[1, 2, 3, 4, 5]],
        [[1, 2, 3, 4, 5, None]],
        [[1, 2, 3, 4, 5, {}]],
        [[[1, 2], [3, 4], [5]]],
        [[[[1, 2], [3, 4], [5, 6]]]],
        [[1, 2, 3, 4, 5, float("inf")]],
        [[1, 2, 3, 4, 5, float("nan")]],
        [[1, 2, 3, 4, 5, "nan"]],
        [[1, 2, 3, 4, 5, 10**400]],
        [[1, 2, 3, 4, 5, 1e12]],
        [[0, 0, 30, 20] * 10_000],
        [[5, 5, 25, 5, 25, 15]] * 400,
        [{"counts": [600], "size": [20, 30]}],
        [None],
    ],
)
def test_what_is_no_segmentation(segmentation: Any) -> None:
    with pytest.raises(Unusable, match=r"^annotation 5: ") as caught:
        decode_segmentation(segmentation, SIZE, "annotation 5")
    assert caught.value.reason == Reason.MASK_UNREADABLE


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [30, 20], "counts": [200, 100, 300]},
        {"size": [40, 60], "counts": "x"},
        {"size": [20, 30.5], "counts": [600]},
        [[4, 4, 15, 4, 15, 33]],
        [[4, 4, 55, 4, 55, 15]],
        [[-9, 4, 15, 4, 15, 15]],
    ],
)
def test_what_was_made_for_a_picture_of_another_size(segmentation: Any) -> None:
    with pytest.raises(Unusable, match=r"^annotation 5: ") as caught:
        decode_segmentation(segmentation, SIZE, "annotation 5")
    assert caught.value.reason == Reason.MASK_SIZE_MISMATCH


@given(st.text(st.characters(min_codepoint=48, max_codepoint=112), max_size=12))
def test_any_text_is_refused_or_covers_the_picture_exactly(counts: str) -> None:
    """Without looking, the library shows what the memory held before where the runs are too short."""
    try:
        decoded = decode_segmentation({"size": [3, 4], "counts": counts}, (3, 4), "a")
    except Unusable:
        return
    again = coco.encode(np.asfortranarray(decoded // 255))
    assert np.array_equal(coco.decode(again) * 255, decoded)
    assert set(np.unique(decoded)) <= {0, 255}
