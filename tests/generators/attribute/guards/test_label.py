"""The label guard with a real judge of random weights: limits are put between margins that it happens to give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.base import check_all
from editmill.generators.attribute.guards.label import LabelGuard
from editmill.generators.attribute.guards.limits import LabelRule, SanityRule
from editmill.generators.attribute.guards.pixels import SanityGuard
from editmill.generators.base.reasons import Reason
from editmill.generators.guards.looking import object_crop
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Feature, Picture
from tests.generators.guards.conftest import Toy
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, job, photo, source

NAMES = ("ball", "cube", "cone")


@pytest.fixture(scope="module")
def judge(models: Models) -> ZeroShotJudge:
    return ZeroShotJudge(models)


def candidate_of(one: EditJob, image: Picture | None = None) -> Candidate:
    picture = one.source.image if image is None else image
    return Candidate(picture, one.source.mask, picture)


def job_named(name: str) -> EditJob:
    return job("original", source(class_name=name))


def favourite(judge: ZeroShotJudge) -> EditJob:
    """A job whose class the judge puts first on its source."""
    loaded = source()
    index = judge.probabilities([object_crop(loaded.image, loaded.mask)], judge.class_prompts(NAMES))[0].argmax()
    return job_named(NAMES[index])


def other_pictures() -> list[Picture]:
    """Pictures on which the judge's margin may be anything."""
    return [
        np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
        for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250), (255, 255, 255))
    ] + [photo(5)]


def margins(judge: ZeroShotJudge, one: EditJob) -> tuple[float, float, Feature]:
    """The margin on the source, and another picture with a lower margin."""
    guard = LabelGuard(judge, class_names=NAMES, rule=LabelRule())
    scored = [
        (guard.check(one, candidate_of(one, image), image).scores["label_margin"], number)
        for number, image in enumerate(other_pictures())
    ]
    lowest, number = min(scored)
    return (
        guard.check(one, candidate_of(one), one.source.image).scores["label_source_margin"],
        lowest,
        other_pictures()[number],
    )


def test_lost_label_is_rejected_and_a_kept_one_accepted(judge: ZeroShotJudge) -> None:
    one = favourite(judge)
    source_margin, lower, image = margins(judge, one)
    assert lower < source_margin
    guard = LabelGuard(judge, class_names=NAMES, rule=LabelRule((lower + source_margin) / 2))
    lost = guard.check(one, candidate_of(one, image), image)
    assert lost.reasons == (GuardReason.LABEL_MARGIN_LOW,)
    assert lost.scores == {
        "label_judged": 1.0,
        "label_margin": pytest.approx(lower),
        "label_source_margin": pytest.approx(source_margin),
    }
    kept = guard.check(one, candidate_of(one), one.source.image)
    assert kept.reasons == ()
    assert kept.scores["label_margin"] == pytest.approx(source_margin)


def test_margin_equal_to_the_limit_is_rejected(judge: ZeroShotJudge) -> None:
    one = favourite(judge)
    source_margin, lower, image = margins(judge, one)
    assert LabelGuard(judge, class_names=NAMES, rule=LabelRule(lower)).check(
        one, candidate_of(one, image), image
    ).reasons == (GuardReason.LABEL_MARGIN_LOW,)
    # A source that only meets the limit is not recognised, so it is not asked.
    own = LabelGuard(judge, class_names=NAMES, rule=LabelRule(source_margin)).check(
        one, candidate_of(one), one.source.image
    )
    assert (own.scores["label_judged"], own.reasons) == (0.0, ())


def test_unrecognised_source_has_no_say(judge: ZeroShotJudge) -> None:
    name = next(name for name in NAMES if name != favourite(judge).source.record.class_name)
    verdict = LabelGuard(judge, class_names=NAMES, rule=LabelRule()).check(
        job_named(name), candidate_of(job_named(name)), photo(5)
    )
    assert verdict.reasons == ()
    assert verdict.scores["label_judged"] == 0
    assert verdict.scores["label_source_margin"] < 0
    assert set(verdict.scores) == set(LabelGuard.score_names[:3])


def test_class_outside_the_names_is_not_judged(judge: ZeroShotJudge) -> None:
    verdict = LabelGuard(judge, class_names=NAMES, rule=LabelRule()).check(
        job_named("goldfish"), candidate_of(job_named("goldfish")), photo(5)
    )
    assert verdict.scores == {"label_judged": 0.0}
    assert verdict.reasons == ()


def test_closed_vocabulary_goes_before_the_datasets_classes(pack: PackSpec) -> None:
    entry = pack.roles["zero_shot"].model_copy(update={"vocabulary": ("ball", "cube")})
    closed = ZeroShotJudge(
        Models(pack.model_copy(update={"name": "closed", "roles": {"zero_shot": entry}}), Placement(device="cpu"))
    )
    assert closed.knows("cube")
    assert not closed.knows("cone")
    guard = LabelGuard(closed, class_names=NAMES, rule=LabelRule())
    assert guard.check(job_named("cone"), candidate_of(job_named("cone")), photo(5)).scores == {"label_judged": 0.0}
    assert "label_margin" in guard.check(job_named("cube"), candidate_of(job_named("cube")), photo(5)).scores


def test_one_class_alone_is_not_judged(judge: ZeroShotJudge) -> None:
    verdict = LabelGuard(judge, class_names=("ball",), rule=LabelRule()).check(
        job_named("ball"), candidate_of(job_named("ball")), photo(5)
    )
    assert verdict.scores == {"label_judged": 0.0}


def test_scores_of_all_guards_come_together(judge: ZeroShotJudge) -> None:
    one = favourite(judge)
    guards = [SanityGuard(SanityRule()), LabelGuard(judge, class_names=NAMES, rule=LabelRule())]
    verdict = check_all(guards, one, candidate_of(one), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert Reason.SANITY in verdict.reasons
    assert set(verdict.scores) == {
        "contrast",
        "black_share",
        "correlation",
        "label_judged",
        "label_margin",
        "label_source_margin",
    }


@pytest.fixture(scope="module")
def pair(tabletop: Models) -> tuple[ZeroShotJudge, ZeroShotJudge]:
    return ZeroShotJudge(tabletop), ZeroShotJudge(tabletop, role="zero_shot_2")


def test_two_judges_accept_what_they_recognise_and_reject_another_object(
    pair: tuple[ZeroShotJudge, ...], toys: tuple[Toy, ...]
) -> None:
    guard = LabelGuard(*pair, class_names=(), rule=LabelRule())
    for toy, other in zip(toys, toys[1:] + toys[:1], strict=True):
        clean = toy.composite()
        assert clean.image is not None
        kept = guard.check(toy.job("paste-back"), clean, clean.image)
        assert kept.reasons == ()
        assert set(kept.scores) == set(LabelGuard.score_names)
        lost = guard.check(toy.job("paste-back"), replace(clean, alpha=other.alpha), other.source.image)
        assert lost.reasons == (GuardReason.LABEL_MARGIN_LOW,)


def test_one_judge_that_still_recognises_the_object_saves_it(
    pair: tuple[ZeroShotJudge, ...], toys: tuple[Toy, ...]
) -> None:
    toy, other = toys[:2]

    class Fooled(ZeroShotJudge):
        """Sees the label wherever something is."""

        def probabilities(self, images: list[Picture], texts: tuple[str, ...]) -> Feature:
            wanted = self.class_prompts((toy.source.record.class_name,))[0]
            return np.tile(np.array([float(text == wanted) for text in texts], np.float32), (len(images), 1))

    fooled = Fooled.__new__(Fooled)
    fooled.__dict__ |= pair[1].__dict__
    candidate = replace(toy.composite(), alpha=other.alpha)
    saved = LabelGuard(pair[0], fooled, class_names=(), rule=LabelRule()).check(
        toy.job("paste-back"), candidate, other.source.image
    )
    assert saved.reasons == ()
    assert saved.scores["label_margin"] < 0 < saved.scores["label_margin_2"]


def test_crop_is_a_square_around_the_object_with_context() -> None:
    image = photo(1)
    crop = object_crop(image, box(30, 20, 50, 30))
    assert crop.shape == (32, 32, 3)
    assert np.array_equal(crop, image[9:41, 24:56])


@pytest.mark.parametrize("centre", [(0, 0), (95, 63), (95, 0)])
def test_crop_at_the_border_stays_square_and_repeats_the_border(centre: tuple[int, int]) -> None:
    image = photo(1)
    crop = object_crop(image, disc(10, centre=centre))
    assert crop.shape[0] == crop.shape[1]
    x, y = centre
    corner = crop[-1 if y else 0, -1 if x else 0]
    assert np.array_equal(corner, image[y, x])
