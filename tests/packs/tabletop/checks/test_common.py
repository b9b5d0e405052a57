"""Small measures that checks share, on cases known by hand."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from editmill.packs.tabletop.checks.common import edge_f1, held_out, psnr, share


def test_psnr_of_a_known_error() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(grey, grey + 1) == pytest.approx(48.13, abs=0.01)


def test_edges_match_within_the_tolerance_only() -> None:
    wanted = np.zeros((16, 16), bool)
    wanted[:, 8] = True
    assert edge_f1(wanted, wanted) == 1
    assert edge_f1(np.roll(wanted, 2, axis=1), wanted) == 1
    assert edge_f1(np.roll(wanted, 3, axis=1), wanted) == 0
    half = wanted.copy()
    half[:8] = False
    assert edge_f1(half, wanted) == pytest.approx(2 * 1 * (10 / 16) / (1 + 10 / 16))


def test_no_edges_agree_with_no_edges_only() -> None:
    nothing, something = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    assert edge_f1(nothing, nothing) == 1
    assert edge_f1(nothing, something) == 0


def test_held_out_scenes_have_the_number_of_objects_asked_for() -> None:
    assert all(len(scene.objects) == 1 for scene in islice(held_out(), 6))
    assert any(len(scene.objects) == 2 for scene in islice(held_out(objects=None), 20))


def test_share() -> None:
    assert share([True, False, False, True]) == 0.5
