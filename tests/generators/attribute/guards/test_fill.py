from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.guards.fill import FillGuard
from editmill.generators.attribute.guards.fixtures import smeared
from editmill.generators.attribute.guards.limits import FILL_REASONS, FillRule
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.compositing.defaults import FILL_LIMITS
from editmill.generators.compositing.fill_quality import Removal, fill_scores, strain
from editmill.generators.compositing.hole import HoleRule
from editmill.manifests.arrays import Mask, Picture
from tests.generators.attribute.scenes import HEIGHT, WIDTH, meadow, with_ball
from tests.generators.pictures import job

GROUND = meadow()
IMAGE, MASK = with_ball(GROUND)
HOLE = HoleRule(0.05).hole(IMAGE, MASK)
HALF = np.where(np.arange(WIDTH) < 104, MASK, 0).astype(np.uint8)


def filled(background: Picture, *, mask: Mask = MASK, image: Picture = IMAGE) -> Removal:
    hole = HoleRule(0.05).hole(image, mask)
    return Removal(image, mask, hole, np.where(hole[..., None], background, image))


def told(removal: Removal) -> set[AttributeReason]:
    guard, of = FillGuard(FillRule(FILL_LIMITS)), job("paste-back")
    candidate = Candidate(removal.background, removal=removal)
    return set(guard.check(of, candidate, removal.background).reasons)  # type: ignore[arg-type]


FAULTS: dict[str, tuple[Removal, AttributeReason]] = {
    "smeared over": (filled(smeared(IMAGE, HOLE)), AttributeReason.FILL_UNLIKE),
    "one colour": (filled(np.full_like(IMAGE, 120)), AttributeReason.FILL_UNLIKE),
    "another ground": (filled(255 - GROUND), AttributeReason.FILL_UNLIKE),
    "another ground's seam": (filled(255 - GROUND), AttributeReason.FILL_SEAM),
    "half of the object": (filled(GROUND, mask=HALF), AttributeReason.OBJECT_LEFT),
    "the object": (filled(IMAGE), AttributeReason.OBJECT_LEFT),
    "a copy": (filled(with_ball(GROUND, x=106)[0]), AttributeReason.OBJECT_LEFT),
}


def test_the_bare_ground_is_accepted_with_every_score() -> None:
    scores = fill_scores(filled(GROUND))
    assert set(scores) == set(FILL_REASONS) == set(FILL_LIMITS)
    assert told(filled(GROUND)) == set()
    assert 0 < strain(scores) < 1


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_rejected(fault: str) -> None:
    removal, reason = FAULTS[fault]
    assert reason in told(removal)
    assert strain(fill_scores(removal)) > 1


def test_large_photographs_are_measured_as_small_ones_are() -> None:
    def enlarged(layer: Picture) -> Picture:
        return cv2.resize(layer, (8 * WIDTH, 8 * HEIGHT), interpolation=cv2.INTER_LINEAR)

    for ground in (GROUND, smeared(IMAGE, HOLE)):
        one = filled(ground)
        hole = enlarged(one.hole.astype(np.uint8)) > 0
        scores = fill_scores(Removal(enlarged(one.image), enlarged(one.mask), hole, enlarged(one.background)))
        assert (strain(scores) > 1) == (strain(fill_scores(one)) > 1)


def test_a_hole_without_surroundings_has_no_scores() -> None:
    assert fill_scores(Removal(IMAGE, MASK, np.ones_like(HOLE), GROUND)) == {}


def test_nothing_is_said_where_nothing_was_removed_and_sources_are_measured_once() -> None:
    guard, of = FillGuard(FillRule(FILL_LIMITS)), job("size")
    assert guard.check(of, Candidate(GROUND), GROUND).scores == {}
    first = guard.check(of, Candidate(GROUND, removal=filled(GROUND)), GROUND)
    again = guard.check(of, Candidate(GROUND, removal=filled(smeared(IMAGE, HOLE))), GROUND)
    assert first == again
    partner = replace(of.source, record=of.source.record.model_copy(update={"id": "partner"}))
    lent = replace(job("random-background"), partner=partner)
    other = guard.check(lent, Candidate(GROUND, removal=filled(smeared(IMAGE, HOLE))), GROUND)
    assert other.reasons == (AttributeReason.FILL_UNLIKE,)
