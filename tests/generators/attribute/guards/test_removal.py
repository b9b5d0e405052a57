"""The removal guard with the embedded judges and detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.generators.attribute.guards.removal import RemovalGuard, removed_source
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.guards import Verdict
from editmill.generators.guards.looking import object_crop
from editmill.generators.models.detector import Detector
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature, Picture
from tests.generators.guards.conftest import Toy


@pytest.fixture(scope="module")
def judges(tabletop: Models) -> list[ZeroShotJudge]:
    return [ZeroShotJudge(tabletop), ZeroShotJudge(tabletop, role="zero_shot_2")]


@pytest.fixture(scope="module")
def guard(judges: list[ZeroShotJudge], tabletop: Models) -> RemovalGuard:
    return RemovalGuard(judges, Detector(tabletop), backgrounds=tabletop.pack.backgrounds)


def check(guard: RemovalGuard, toy: Toy, removed: Picture | None, *, partner: Toy | None = None) -> Verdict:
    job = toy.job("size", level=0.05) if partner is None else toy.job("random-background", partner=partner.source)
    return guard.check(job, toy.composite(removed=removed), toy.source.image)


def test_bare_ground_is_accepted_with_every_score(guard: RemovalGuard, toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        verdict = check(guard, toy, toy.ground)
        assert verdict.reasons == ()
        assert verdict.scores["removal_judged"] == 1
        assert set(verdict.scores) == set(guard.score_names)


def test_an_object_left_in_is_rejected(guard: RemovalGuard, toys: tuple[Toy, ...]) -> None:
    for toy, other in zip(toys, toys[1:] + toys[:1], strict=True):
        assert check(guard, toy, toy.source.image).reasons == (AttributeReason.REMOVAL_RESIDUAL,)
        assert check(guard, toy, other.source.image, partner=other).reasons == (AttributeReason.REMOVAL_RESIDUAL,)
        assert check(guard, toy, other.ground, partner=other).reasons == ()


@pytest.mark.parametrize("only", ["judge", "detector"])
def test_each_judge_alone_rejects_it(
    judges: list[ZeroShotJudge], tabletop: Models, toys: tuple[Toy, ...], only: str
) -> None:
    guard = RemovalGuard(
        judges[:1] if only == "judge" else [], Detector(tabletop) if only == "detector" else None, backgrounds=()
    )
    verdict = check(guard, toys[0], toys[0].source.image)
    assert verdict.reasons == (AttributeReason.REMOVAL_RESIDUAL,)
    assert set(verdict.scores) == {"removal_judged", "removal_probability" if only == "judge" else "removal_detection"}


def test_nothing_removed_nothing_said(guard: RemovalGuard, toys: tuple[Toy, ...]) -> None:
    assert check(guard, toys[0], None) == Verdict({})
    job = toys[0].job("random-background")
    assert guard.check(job, toys[0].composite(removed=toys[0].ground), toys[0].ground) == Verdict({})


def test_judges_that_miss_the_source_have_no_say(guard: RemovalGuard, toys: tuple[Toy, ...]) -> None:
    record = toys[0].source.record.model_copy(update={"id": "hidden"})
    hidden = replace(toys[0], source=replace(toys[0].source, image=toys[0].ground, record=record))
    verdict = check(guard, hidden, toys[0].source.image)
    assert verdict.scores["removal_judged"] == 0
    assert verdict.reasons == ()


class Recorder(ZeroShotJudge):
    """An open-vocabulary judge that keeps what it was asked, and sees the class in everything but ``bare``."""

    def __init__(self, like: ZeroShotJudge, bare: Picture) -> None:
        self.__dict__ |= {**like.__dict__, "vocabulary": ()}
        self.asked: list[tuple[str, ...]] = []
        self.bare = bare

    def probabilities(self, images: list[Picture], texts: tuple[str, ...]) -> Feature:
        self.asked.append(texts)
        certain = 0.0 if np.array_equal(images[0], self.bare) else 1.0
        return np.array([[certain] + [(1 - certain) / (len(texts) - 1)] * (len(texts) - 1)], np.float32)


def test_an_open_vocabulary_weighs_the_class_against_backgrounds(
    judges: list[ZeroShotJudge], toys: tuple[Toy, ...]
) -> None:
    toy = toys[0]
    judge = Recorder(judges[0], object_crop(toy.ground, toy.source.mask))
    guard = RemovalGuard([judge], None, backgrounds=("a wall", "a lake"))
    assert check(guard, toy, toy.source.image).reasons == (AttributeReason.REMOVAL_RESIDUAL,)
    assert check(guard, toy, toy.ground).reasons == ()
    assert set(judge.asked) == {("a ring", "a wall", "a lake")}
    assert check(RemovalGuard([judge], None, backgrounds=()), toy, toy.ground).scores == {"removal_judged": 0.0}


def test_one_removal_of_several_edits_is_looked_at_once(judges: list[ZeroShotJudge], toys: tuple[Toy, ...]) -> None:
    toy, other = toys[:2]
    judge = Recorder(judges[0], object_crop(toy.ground, toy.source.mask))
    guard = RemovalGuard([judge], None, backgrounds=("a wall",))
    assert check(guard, toy, toy.ground) == check(guard, toy, toy.ground.copy())
    assert len(judge.asked) == 2
    # Whether another source's edits are made by the same process may decide nothing.
    assert check(guard, other, toy.ground, partner=toy) == check(guard, toy, toy.ground)
    assert len(judge.asked) == 4


def test_whose_object_was_removed(toys: tuple[Toy, ...]) -> None:
    first, second = toys[:2]
    assert removed_source(first.job("size", level=0.05, partner=second.source)) is first.source
    assert removed_source(first.job("random-background", partner=second.source)) is second.source
