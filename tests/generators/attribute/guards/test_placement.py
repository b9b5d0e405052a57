"""Centroid and angle of placed objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.geometry import linear_part, outline, scale_for_share, warp_object
from editmill.generators.attribute.guards.fixtures import shifted
from editmill.generators.attribute.guards.limits import PlacementRule
from editmill.generators.attribute.guards.placement import PlacementGuard, angle_between, centroid, turned_by
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.guards import Verdict
from editmill.generators.compositing.composite import matte
from editmill.manifests.arrays import Feature, Mask
from tests.generators.pictures import box, disc, job, source

IDENTITY = np.eye(2, 3)


def judged(mask: Mask, matrix: Feature, alpha: Mask, *, angle: int = 0) -> Verdict:
    one = job("direction", source(mask=mask), level=0.05, angle=angle)
    candidate = Candidate(one.source.image, alpha, one.source.image, parameters={"matrix": matrix.ravel().tolist()})
    return PlacementGuard(PlacementRule()).check(one, candidate, one.source.image)


@given(st.floats(0.03, 0.12), st.integers(-45, 44))
def test_what_the_renderer_places_is_accepted(share: float, angle: int) -> None:
    mask = disc(14) | box(40, 26, 62, 33)
    _, matrix = scale_for_share(mask, outline(mask), share, angle=angle)
    _, coverage = warp_object(source(mask=mask).image, mask, matrix)
    verdict = judged(mask, matrix, matte(coverage), angle=angle)
    assert verdict.reasons == ()
    assert verdict.scores["centroid_error"] < 0.8
    assert verdict.scores["angle_error"] < 1e-6


@pytest.mark.parametrize(("right", "down"), [(5, 0), (0, -5), (2, 2), (-2, 0)])
def test_a_shifted_object_is_rejected(right: int, down: int) -> None:
    verdict = judged(disc(), IDENTITY, shifted(matte(disc() / np.float32(255)), right, down))
    assert verdict.reasons == (AttributeReason.GEOMETRY_OFF,)
    assert verdict.scores["centroid_error"] == pytest.approx(np.hypot(right, down), abs=0.05)


@pytest.mark.parametrize(("recorded", "planned"), [(10, 0), (0, 10), (-30, 30)])
def test_a_wrong_angle_is_rejected(recorded: int, planned: int) -> None:
    matrix = np.hstack([linear_part(0.5, recorded), [[0], [0]]])
    verdict = judged(box(0, 10, 30, 40), matrix, disc(), angle=planned)
    assert verdict.reasons == (AttributeReason.GEOMETRY_OFF,)
    assert verdict.scores["angle_error"] == pytest.approx(abs(recorded - planned))


def test_an_object_that_the_frame_cuts_is_compared_by_what_is_seen_of_it() -> None:
    cut = box(0, 10, 30, 40)
    assert judged(cut, IDENTITY, matte(cut / np.float32(255))).scores == {"angle_error": 0, "centroid_error": 0}
    assert judged(cut, IDENTITY, shifted(matte(cut / np.float32(255)), 5, 0)).reasons == (AttributeReason.GEOMETRY_OFF,)


def test_thin_parts_that_the_matte_leaves_out_do_not_move_the_centroid() -> None:
    mask = np.maximum(disc(60, centre=(100, 110), width=260, height=220), box(100, 20, 250, 22, width=260, height=220))
    loaded = source(mask=mask)
    alpha = matte(mask / np.float32(255))
    candidate = Candidate(loaded.image, alpha, loaded.image, parameters={"matrix": IDENTITY.ravel().tolist()})
    assert PlacementGuard(PlacementRule()).check(job("original", loaded), candidate, loaded.image).reasons == ()
    assert np.hypot(*(centroid(alpha > 0) - centroid(mask > 0))) > 1


def test_without_a_matrix_there_is_nothing_to_say() -> None:
    one = job("original")
    assert PlacementGuard(PlacementRule()).check(
        one, Candidate(one.source.image, disc(), one.source.image), one.source.image
    ) == Verdict({})


@given(st.floats(0.2, 3), st.integers(-179, 180), st.integers(-3, 3))
def test_angles(scale: float, angle: int, turns: int) -> None:
    assert angle_between(turned_by(np.hstack([linear_part(scale, angle), [[4], [2]]])), angle + 360 * turns) < 1e-6
    assert angle_between(angle, angle + 180) == pytest.approx(180)
