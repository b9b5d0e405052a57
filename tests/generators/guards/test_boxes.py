"""Overlaps of boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.guards.boxes import Box, box_area, box_iou, box_of, containment, shared_area
from tests.generators.pictures import box

EDGES = st.floats(0, 100)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, top = draw(EDGES), draw(EDGES)
    return left, top, left + draw(st.floats(1, 50)), top + draw(st.floats(1, 50))


@given(boxes(), boxes())
def test_overlaps_are_symmetric_shares(first: Box, second: Box) -> None:
    assert box_iou(first, second) == box_iou(second, first)
    assert 0 <= box_iou(first, second) <= containment(first, second) + 1e-9 <= 1 + 2e-9
    assert shared_area(first, second) <= min(box_area(first), box_area(second)) + 1e-6


@given(boxes())
def test_a_box_is_itself(one: Box) -> None:
    assert box_iou(one, one) == pytest.approx(1)
    assert containment(one, one) == pytest.approx(1)


def test_a_part_is_contained_and_hardly_overlaps() -> None:
    whole, part, apart = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 2.0, 5.0), (20.0, 0.0, 30.0, 10.0)
    assert (box_iou(whole, part), containment(whole, part)) == (pytest.approx(0.1), 1)
    assert box_iou(whole, apart) == containment(whole, apart) == 0


def test_box_of_a_mask_has_exclusive_ends() -> None:
    assert box_of(box(3, 4, 10, 20) > 0) == (3, 4, 10, 20)
    assert box_of(np.ones((2, 3), bool)) == (0, 0, 3, 2)
