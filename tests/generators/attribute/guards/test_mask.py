from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.guards.limits import MaskRule
from editmill.generators.attribute.guards.mask import MaskGuard
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.defaults import MASK_LIMITS
from editmill.generators.compositing.mask_quality import mask_scores
from editmill.manifests.arrays import Mask
from tests.generators.attribute.scenes import meadow, with_ball
from tests.generators.pictures import job, source

IMAGE, MASK = with_ball(meadow())


def without(top: int, bottom: int, left: int, right: int) -> Mask:
    mask = MASK.copy()
    mask[top:bottom, left:right] = 0
    return mask


def test_a_whole_mask_leaves_nothing_out() -> None:
    assert mask_scores(IMAGE, MASK) == {"mask_gaps": 0, "mask_missed": pytest.approx(0, abs=0.01)}


@pytest.mark.parametrize(
    ("mask", "score"),
    [(without(70, 84, 90, 110), "mask_gaps"), (without(50, 120, 90, 130), "mask_missed")],
)
def test_parts_left_out_are_found_in_gaps_and_beside(mask: Mask, score: str) -> None:
    assert mask_scores(IMAGE, mask)[score] > MASK_LIMITS[score]


def test_a_gap_that_shows_the_ground_is_no_part() -> None:
    ring = MASK.copy()
    ring[78:92, 93:107] = 0
    ground = np.where((ring > 0)[..., None], IMAGE, meadow())
    assert mask_scores(ground, ring)["mask_gaps"] < MASK_LIMITS["mask_gaps"] / 3


@pytest.mark.parametrize("mask", [np.zeros_like(MASK), np.full_like(MASK, 255)])
def test_masks_of_nothing_and_of_everything_have_no_scores(mask: Mask) -> None:
    assert mask_scores(IMAGE, mask) == {}


@pytest.mark.parametrize(
    ("name", "rejected"),
    [("original", False), ("full", True), ("resample", False), ("size", True), ("random-background", True)],
)
def test_edits_that_part_the_object_or_frame_it_are_rejected(name: str, rejected: bool) -> None:
    of = job(name)
    record = source("torn").record
    torn = replace(of, source=LoadedSource(record, IMAGE, without(50, 120, 90, 130)))
    verdict = MaskGuard(MaskRule(MASK_LIMITS)).check(torn, Candidate(IMAGE), IMAGE)
    assert verdict.reasons == ((AttributeReason.MASK_INCOMPLETE,) if rejected else ())
    assert set(verdict.scores) == set(MASK_LIMITS)


def test_gaps_do_not_reject_an_object_that_moves_with_all_around_it() -> None:
    gaps = {"mask_gaps": 0.1, "mask_missed": 0.0}
    assert [bool(MaskRule(MASK_LIMITS).decide(job(name).edit, gaps).reasons) for name in ("full", "size")] == [
        False,
        True,
    ]
