"""The duplicate guard with the embedded detector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from editmill.generators.attribute.guards.duplicates import DuplicateGuard
from editmill.generators.attribute.guards.fixtures import second_copy
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.models.detector import Detector
from editmill.generators.models.loading import Models
from tests.generators.guards.conftest import Toy


@pytest.fixture(scope="module")
def guard(tabletop: Models) -> DuplicateGuard:
    return DuplicateGuard(Detector(tabletop))


def test_one_object_is_accepted_with_every_score(guard: DuplicateGuard, toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        candidate = toy.composite()
        assert candidate.image is not None
        verdict = guard.check(toy.job("paste-back"), candidate, candidate.image)
        assert verdict.reasons == ()
        assert verdict.scores == {"duplicate_judged": 1, "duplicates": 0, "source_duplicates": 0}
        assert set(verdict.scores) == set(guard.score_names)


def test_a_second_copy_is_rejected(guard: DuplicateGuard, toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        doubled = second_copy(toy.composite().image, toy.alpha)
        assert doubled is not None
        verdict = guard.check(toy.job("paste-back"), toy.composite(), doubled)
        assert verdict.reasons == (AttributeReason.DUPLICATE_OBJECT,)
        assert verdict.scores["duplicates"] >= 1


def test_as_many_as_in_the_source_are_allowed(tabletop: Models, toys: tuple[Toy, ...]) -> None:
    toy = toys[1]
    doubled = second_copy(toy.source.image, toy.alpha)
    assert doubled is not None
    twins = replace(toy, source=replace(toy.source, image=doubled))
    verdict = DuplicateGuard(Detector(tabletop)).check(twins.job("original"), twins.composite(), doubled)
    assert verdict.scores == {"duplicate_judged": 1, "duplicates": 1, "source_duplicates": 1}
    assert verdict.reasons == ()


def test_a_detector_that_misses_the_source_has_no_say(tabletop: Models, toys: tuple[Toy, ...]) -> None:
    toy = toys[1]
    hidden = replace(toy, source=replace(toy.source, image=toy.ground))
    doubled = second_copy(toy.source.image, toy.alpha)
    assert doubled is not None
    verdict = DuplicateGuard(Detector(tabletop)).check(hidden.job("original"), toy.composite(), doubled)
    assert verdict.scores["duplicate_judged"] == 0
    assert verdict.reasons == ()
