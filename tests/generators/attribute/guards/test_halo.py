"""Lines along the outline."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.guards.fixtures import ringed
from editmill.generators.attribute.guards.halo import HaloGuard, edge_halo
from editmill.generators.attribute.guards.limits import HaloRule
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.guards import Verdict
from editmill.generators.compositing.composite import compose, matte
from tests.generators.guards.conftest import Toy
from tests.generators.pictures import HEIGHT, WIDTH, disc, job, source

ALPHA = matte(disc() / np.float32(255))
GREYS = st.integers(0, 255)


@given(GREYS, GREYS)
def test_a_clean_seam_has_no_halo_whatever_lies_beside_it(inside: int, outside: int) -> None:
    plain = [np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in (inside, outside)]
    assert edge_halo(compose(plain[0], plain[1], ALPHA), ALPHA) == pytest.approx(0, abs=1)


@given(st.integers(60, 200), st.integers(60, 200), st.integers(1, 3))
def test_a_line_is_measured_by_how_far_it_leaves_both_sides(inside: int, outside: int, pixels: int) -> None:
    plain = [np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in (inside, outside)]
    halo = edge_halo(ringed(compose(plain[0], plain[1], ALPHA), ALPHA, pixels=pixels, strength=1.0), ALPHA)
    assert halo is not None
    excesses = (255 - max(inside, outside), min(inside, outside))
    assert min(abs(halo - excess) for excess in excesses) <= 1


def test_clean_composites_are_accepted_and_ringed_ones_rejected(toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        candidate = toy.composite()
        assert candidate.image is not None
        clean = HaloGuard(HaloRule()).check(toy.job("paste-back"), candidate, candidate.image)
        assert clean.reasons == ()
        assert set(clean.scores) == set(HaloGuard.score_names)
        ring = ringed(candidate.image, toy.alpha)
        assert HaloGuard(HaloRule()).check(toy.job("paste-back"), candidate, ring).reasons == (
            AttributeReason.EDGE_HALO,
        )


def test_a_halo_of_the_source_is_its_own() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    image = ringed(grey, ALPHA, strength=0.5)
    one = job("original", source(image=image))
    candidate = Candidate(image, ALPHA, image)
    assert HaloGuard(HaloRule()).check(one, candidate, image).reasons == ()
    assert HaloGuard(HaloRule(ratio=0)).check(one, candidate, image).reasons == (AttributeReason.EDGE_HALO,)


def test_nothing_is_said_without_an_object_or_surroundings() -> None:
    one = job("original")
    for alpha in (np.zeros_like(ALPHA), np.full_like(ALPHA, 255), cv2.dilate(ALPHA, np.ones((99, 99), np.uint8))):
        candidate = replace(Candidate(one.source.image, ALPHA, one.source.image), alpha=alpha)
        assert HaloGuard(HaloRule()).check(one, candidate, one.source.image) == Verdict({})
