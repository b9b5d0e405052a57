"""Shapes of masks: cleaning keeps one piece and its true holes."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.guards.boxes import box_of
from editmill.pipelines.masks.shape import borders_met, centrality, clean, mask_iou


def blob() -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:40] = True
    return mask


def test_small_pieces_go_and_small_holes_are_filled() -> None:
    mask = blob()
    mask[15, 25] = False
    mask[0:4, 0:4] = True
    cleaned = clean(mask)
    assert np.array_equal(cleaned.mask, blob())
    assert cleaned.largest == pytest.approx(399 / 415)
    assert cleaned.filled == pytest.approx(1 / 399)


def test_a_rings_hole_stays() -> None:
    mask = blob()
    mask[16:24, 26:34] = False
    assert np.array_equal(clean(mask).mask, mask)


def test_a_corner_of_background_is_no_hole() -> None:
    mask = np.ones((40, 60), bool)
    mask[0, 0] = False
    assert not clean(mask).mask[0, 0]


def test_boxes_borders_and_places() -> None:
    mask = blob()
    assert box_of(mask) == (20, 10, 40, 30)
    assert borders_met(mask) == 0
    mask[:, 0] = True
    assert borders_met(mask) == 3
    assert centrality(blob()) == pytest.approx(1)
    corner = np.zeros((40, 60), bool)
    corner[0, 0] = True
    assert 0 < centrality(corner) < 0.05
    assert mask_iou(corner, corner) == 1
    assert mask_iou(corner, blob()) == 0
    assert mask_iou(~corner & corner, ~corner & corner) == 0
