"""The ascent with the embedded pack's networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from editmill.generators.base.guards import Verdict
from editmill.generators.base.reasons import Reason
from editmill.generators.fmr.latent_ascent import Ascent, LatentAscent
from editmill.generators.fmr.oracle import Subject, ZeroShotOracle
from editmill.generators.fmr.pixels import png_round_trip
from editmill.generators.fmr.settings import AscentSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.world import CLASSES

NETWORKS = ("vq", "autoencoder")
REFUSED = Verdict({}, (GuardReason.LABEL_MARGIN_LOW,))


def allow(subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
    return [Verdict({}) for _ in images]


def refuse(subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
    return [REFUSED for _ in images]


class Drift:
    """Refuses pictures that are too far from their source's round trip."""

    def __init__(self, most: float) -> None:
        self.most, self.first, self.seen = most, dict[str, Picture](), list[tuple[str, Picture]]()

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        return [self.judge(subject, image) for subject, image in zip(subjects, images, strict=True)]

    def judge(self, subject: Subject, image: Picture) -> Verdict:
        self.seen.append((subject.key, image))
        start = self.first.setdefault(subject.key, image)
        drift = float(np.abs(image.astype(float) - start).mean())
        return Verdict({"drift": drift}, () if drift <= self.most else (Reason.SANITY,))


def ascend(models: Models, subjects: list[Subject], **settings: object) -> list[Ascent]:
    return LatentAscent(models, AscentSettings.model_validate(settings), Drift(2.0)).run(subjects)


def same(first: Ascent, second: Ascent) -> bool:
    images = all(np.array_equal(first.images[budget], second.images[budget]) for budget in first.images)
    return images and first.images.keys() == second.images.keys() and first.steps == second.steps


@pytest.mark.parametrize("network", NETWORKS)
def test_the_loss_rises(tabletop: Models, subjects: list[Subject], network: str) -> None:
    ascents = LatentAscent(tabletop, AscentSettings(network=network, budget=4, eta=0.03), allow).run(subjects)
    first, last = ([ascent.steps[number].loss for ascent in ascents] for number in (0, -1))
    assert sum(after > before for before, after in zip(first, last, strict=True)) >= 4
    assert np.mean(last) > np.mean(first) + 0.1


@pytest.mark.parametrize(("network", "mode"), [("vq", "fmr"), ("vq", "max_loss"), ("autoencoder", "fmr")])
def test_results_depend_on_neither_company_nor_order(
    tabletop: Models, subjects: list[Subject], network: str, mode: str
) -> None:
    settings = {"network": network, "mode": mode, "eta": 0.04, "budget": 3}
    together = ascend(tabletop, subjects, **settings)
    backwards = ascend(tabletop, subjects[::-1], **settings)[::-1]
    alone = ascend(tabletop, subjects[2:3], **settings)
    assert all(same(first, second) for first, second in zip(together, backwards, strict=True))
    assert same(together[2], alone[0])


def test_the_guard_saw_every_emitted_picture_and_let_it_pass(tabletop: Models, subjects: list[Subject]) -> None:
    guard = Drift(2.0)
    ascents = LatentAscent(tabletop, AscentSettings(budget=6, eta=0.05), guard).run(subjects)
    assert any(ascent.stop == "violated" for ascent in ascents)
    for ascent in ascents:
        seen = [image for key, image in guard.seen if key == ascent.key]
        passed = [image for image, step in zip(seen, ascent.steps, strict=True) if step.valid]
        assert ascent.image is not None
        assert np.array_equal(ascent.image, png_round_trip(passed[-1]))
        assert ascent.emitted == [step for step in ascent.steps if step.valid][-1]
        assert (ascent.judged, ascent.evaluations) == (len(seen), 2 + 4 * len(seen))


def test_recorded_losses_are_those_of_the_stored_pictures(tabletop: Models, subjects: list[Subject]) -> None:
    ascent = LatentAscent(tabletop, AscentSettings(budget=2), allow)
    (found,) = ascent.run(subjects[:1])
    assert found.image is not None
    picture = torch.from_numpy(found.image).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    scores = ascent.target.log_probabilities(picture)[0]
    assert found.steps[-1].loss == pytest.approx(-float(scores[subjects[0].label]), abs=1e-3)
    assert found.steps[-1].prediction == int(scores.argmax())


def test_a_source_whose_round_trip_is_refused_has_a_reason(tabletop: Models, subjects: list[Subject]) -> None:
    found = LatentAscent(tabletop, AscentSettings(budget=2), refuse).run(subjects[:2])
    assert [(one.failure, one.images, one.fallback, one.stop) for one in found] == [
        (Reason.SOURCE_INELIGIBLE, {}, False, "ineligible")
    ] * 2
    assert found[0].image is None
    assert [step.reasons for step in found[0].steps] == [("label_margin_low",)]


def test_the_faithful_fallback_emits_the_original_and_says_so(tabletop: Models, subjects: list[Subject]) -> None:
    (found,) = LatentAscent(tabletop, AscentSettings(budget=2, faithful_fallback=True), refuse).run(subjects[:1])
    assert (found.failure, found.fallback, found.emitted) == ("", True, None)
    assert all(np.array_equal(image, subjects[0].image) for image in found.images.values())


def test_a_class_that_the_target_does_not_know_is_a_reason(tabletop: Models, subjects: list[Subject]) -> None:
    strange = Subject("strange", subjects[0].image, 3, "zebra")
    found = LatentAscent(tabletop, AscentSettings(budget=1), allow).run([subjects[0], strange, subjects[1]])
    assert [one.key for one in found] == [subjects[0].key, "strange", subjects[1].key]
    assert [one.failure for one in found] == ["", Reason.SURROGATE_UNAWARE, ""]
    assert found[1].evaluations == 0


def test_pictures_of_several_sizes_come_back_in_order(tabletop: Models, subjects: list[Subject]) -> None:
    small = Subject(
        "small", np.ascontiguousarray(subjects[0].image[:32, :48]), subjects[0].label, subjects[0].class_name
    )
    found = LatentAscent(tabletop, AscentSettings(budget=1), allow).run([subjects[0], small, subjects[1]])
    assert [one.image.shape[:2] for one in found if one.image is not None] == [(64, 64), (32, 48), (64, 64)]
    odd = Subject("odd", np.ascontiguousarray(subjects[0].image[:33]), subjects[0].label, subjects[0].class_name)
    with pytest.raises(ValueError, match="odd is 64 x 33; its sides have to be multiples of 4"):
        LatentAscent(tabletop, AscentSettings(budget=1), allow).run([odd])


def test_a_style_mask_confines_the_step(tabletop: Models, subjects: list[Subject]) -> None:
    mask = np.zeros((4, 16, 16), bool)
    mask[:, :, :4] = True
    settings = AscentSettings(budget=3, eta=0.1, batch=1)
    (found,) = LatentAscent(tabletop, settings, allow, style_mask=mask).run(subjects[:1])
    changed = np.abs(found.images[3].astype(float) - found.images[0]).mean(axis=(0, 2))
    # The decoder's receptive field carries a little beyond the masked quarter.
    assert changed[:16].mean() > 10 * changed[40:].mean()
    (still,) = LatentAscent(tabletop, settings, allow, style_mask=np.zeros((4, 16, 16), bool)).run(subjects[:1])
    assert still.stop == "flat"


def test_without_the_codebook_the_path_differs(tabletop: Models, subjects: list[Subject]) -> None:
    (looked_up,), (direct,) = (
        LatentAscent(tabletop, AscentSettings(budget=2, quantize=q), allow).run(subjects[:1]) for q in (True, False)
    )
    assert not np.array_equal(looked_up.images[2], direct.images[2])


def test_running_out_of_memory_halves_the_batch(
    tabletop: Models, subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    ascent = LatentAscent(tabletop, AscentSettings(budget=1, batch=4), allow)
    original = ascent.gradient

    def gradient(latents: Tensor, classes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if len(latents) > 2:
            raise torch.OutOfMemoryError("too much")
        return original(latents, classes)

    monkeypatch.setattr(ascent, "gradient", gradient)
    found = ascent.run(subjects)
    assert {one.batch for one in found} == {2}
    assert all(one.image is not None and not one.failure for one in found)
    expected = LatentAscent(tabletop, AscentSettings(budget=1, batch=2), allow).run(subjects)
    assert all(same(first, second) for first, second in zip(found, expected, strict=True))


def test_the_published_guard_is_the_argmax_of_the_zero_shot_judge(tabletop: Models, subjects: list[Subject]) -> None:
    oracle = ZeroShotOracle(ZeroShotJudge(tabletop), CLASSES)
    subject = subjects[0]
    swapped = [Subject("x", subject.image, number, name) for number, name in enumerate(CLASSES)]
    verdicts = oracle(swapped, [subject.image] * len(CLASSES))
    assert [number for number, verdict in enumerate(verdicts) if not verdict.reasons] == [
        max(range(len(CLASSES)), key=lambda number: verdicts[number].scores["label_margin"])
    ]
    (unknown,) = oracle([Subject("x", subject.image, 0, "zebra")], [subject.image])
    assert unknown.reasons == (GuardReason.LABEL_MARGIN_LOW,)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_random_walk_takes_steps_of_the_same_length_without_asking_where(
    tabletop: Models, subjects: list[Subject], network: str
) -> None:
    settings = AscentSettings(network=network, budget=2, eta=0.05, mode="random")
    walk = LatentAscent(tabletop, settings, allow, seed=3)
    found = walk.run(subjects[:2])
    alone = LatentAscent(tabletop, settings, allow, seed=3).run(subjects[1:2])
    other = LatentAscent(tabletop, settings, allow, seed=4).run(subjects[1:2])
    targeted = LatentAscent(tabletop, settings.model_copy(update={"mode": "fmr"}), allow).run(subjects[1:2])
    assert same(found[1], alone[0])
    assert not np.array_equal(alone[0].images[2], other[0].images[2])
    assert np.array_equal(alone[0].images[0], targeted[0].images[0]), "both begin with the round trip"
    assert [step.eta for step in alone[0].steps] == [0, 0.05, 0.05]
    assert (alone[0].stop, alone[0].evaluations) == ("budget", 2 + 2 * 3)
    assert targeted[0].steps[-1].loss > alone[0].steps[-1].loss


def test_a_random_walk_stops_at_the_first_violation(tabletop: Models, subjects: list[Subject]) -> None:
    (found,) = LatentAscent(tabletop, AscentSettings(budget=6, eta=0.3, mode="random"), Drift(2.0)).run(subjects[:1])
    assert found.stop == "violated"
    assert found.emitted == [step for step in found.steps if step.valid][-1]
