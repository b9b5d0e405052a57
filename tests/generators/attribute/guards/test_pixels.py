"""Each guard rejects the fixture it is there for and accepts a clean one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.base import Guard, check_all
from editmill.generators.attribute.guards.fixtures import noisy_background, one_level_off
from editmill.generators.attribute.guards.limits import AreaRule, BackgroundChangedRule, ObjectPixelsRule, SanityRule
from editmill.generators.attribute.guards.pixels import (
    AreaGuard,
    BackgroundChangedGuard,
    ObjectPixelsGuard,
    SanityGuard,
)
from editmill.generators.attribute.placing import Placer
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.base.reasons import Reason
from editmill.generators.compositing.composite import compose, matte
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.guards.sanity import neighbour_correlation
from editmill.manifests.arrays import Feature, Picture
from tests.generators.pictures import HEIGHT, WIDTH, disc, job, photo, source

CLEAN = job("original")
PIXELS = WIDTH * HEIGHT


def clean(of: EditJob = CLEAN) -> Candidate:
    return Candidate(of.source.image, matte(of.source.mask.astype(np.float32) / 255), of.source.image)


def image_of(candidate: Candidate) -> Picture:
    assert candidate.image is not None
    return candidate.image.copy()


def with_area(share: float) -> Candidate:
    alpha = np.zeros(PIXELS, np.uint8)
    alpha[: round(share * PIXELS)] = 255
    return replace(clean(), alpha=alpha.reshape(HEIGHT, WIDTH))


@pytest.mark.parametrize(
    "guard", [ObjectPixelsGuard(ObjectPixelsRule()), AreaGuard(AreaRule()), SanityGuard(SanityRule())]
)
def test_clean_picture_is_accepted_with_every_score(guard: Guard) -> None:
    verdict = guard.check(CLEAN, clean(), image_of(clean()))
    assert verdict.reasons == ()
    assert set(verdict.scores) == set(guard.score_names)


@pytest.mark.parametrize("change", [1, -1])
def test_one_grey_level_on_one_object_byte_is_rejected(change: int) -> None:
    image = image_of(clean())
    image[30, 40, 1] = int(image[30, 40, 1]) + change
    verdict = ObjectPixelsGuard(ObjectPixelsRule()).check(CLEAN, clean(), image)
    assert verdict.reasons == (AttributeReason.OBJECT_PIXELS_CHANGED,)
    assert verdict.scores == {"object_difference": 1.0}
    assert ObjectPixelsGuard(ObjectPixelsRule(1)).check(CLEAN, clean(), image).reasons == ()


def test_the_audits_fixture_changes_one_byte_by_one_level() -> None:
    candidate = clean()
    assert candidate.alpha is not None
    verdict = ObjectPixelsGuard(ObjectPixelsRule()).check(
        CLEAN, candidate, one_level_off(image_of(candidate), candidate.alpha)
    )
    assert verdict.scores == {"object_difference": 1.0}


def test_difference_does_not_wrap_around() -> None:
    reference = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    verdict = ObjectPixelsGuard(ObjectPixelsRule(254)).check(
        CLEAN, replace(clean(), reference=reference), np.full_like(reference, 255)
    )
    assert verdict.scores["object_difference"] == 255
    assert verdict.reasons == (AttributeReason.OBJECT_PIXELS_CHANGED,)


def test_change_outside_the_kept_object_is_not_the_object_guards_business() -> None:
    candidate = clean()
    assert candidate.alpha is not None
    image = image_of(candidate)
    image[candidate.alpha < 255] = 0
    assert ObjectPixelsGuard(ObjectPixelsRule()).check(CLEAN, candidate, image).reasons == ()


def test_object_without_an_exact_pixel_is_rejected() -> None:
    candidate = replace(clean(), alpha=np.full((HEIGHT, WIDTH), 254, np.uint8))
    verdict = ObjectPixelsGuard(ObjectPixelsRule(254)).check(CLEAN, candidate, image_of(candidate))
    assert verdict.reasons == (AttributeReason.OBJECT_PIXELS_CHANGED,)
    assert verdict.scores == {"object_difference": 255.0}


@pytest.mark.parametrize("error", [-0.006, 0.006])
def test_grown_or_shrunk_object_is_rejected(error: float) -> None:
    verdict = AreaGuard(AreaRule()).check(job("size", level=0.1), with_area(0.1 + error), image_of(clean()))
    assert verdict.reasons == (AttributeReason.GEOMETRY_OFF,)
    assert verdict.scores["area_error"] == pytest.approx(0.006, abs=2e-4)


@pytest.mark.parametrize("error", [-0.004, 0.0, 0.004])
def test_object_of_about_the_planned_area_is_accepted(error: float) -> None:
    verdict = AreaGuard(AreaRule()).check(job("size", level=0.1), with_area(0.1 + error), image_of(clean()))
    assert verdict.reasons == ()
    assert verdict.scores["area"] == pytest.approx(0.1 + error, abs=2e-4)


def test_edit_without_a_planned_area_is_not_measured_against_one() -> None:
    assert AreaGuard(AreaRule()).check(CLEAN, with_area(0.7), image_of(clean())).scores == pytest.approx(
        {"area": 0.7, "area_error": 0.0}, abs=2e-4
    )


def test_a_level_that_is_no_share_is_not_an_area() -> None:
    assert AreaGuard(AreaRule()).check(job("complexity", level=-20), with_area(0.1), image_of(clean())).reasons == ()


def blackened(share: float) -> Feature:
    image = image_of(clean()).reshape(PIXELS, 3)
    image[-round(share * PIXELS) :] = 3
    return image.reshape(HEIGHT, WIDTH, 3)


def test_black_holes_are_rejected() -> None:
    verdict = SanityGuard(SanityRule()).check(CLEAN, clean(), blackened(0.03))
    assert verdict.reasons == (Reason.SANITY,)
    assert verdict.scores["black_share"] == pytest.approx(0.03, abs=2e-4)
    assert SanityGuard(SanityRule()).check(CLEAN, clean(), blackened(0.01)).reasons == ()


@pytest.mark.parametrize("role", ["source", "partner"])
def test_black_of_the_source_or_of_its_partner_is_no_hole(role: str) -> None:
    night = source("night", image=blackened(0.2))
    dark = job("random-background", partner=night) if role == "partner" else job("original", night)
    assert SanityGuard(SanityRule()).check(dark, clean(), blackened(0.2)).reasons == ()
    assert SanityGuard(SanityRule()).check(dark, clean(), blackened(0.23)).reasons == (Reason.SANITY,)


def night(*, lamp: int = 255, grain: float = 0.0) -> LoadedSource:
    """A dark street: mostly black, with a lamp above the object, which is nearly black as well."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    cv2.circle(image, (80, 12), 9, (float(lamp),) * 3, -1)
    image[disc() > 0] = (6, 2, 9)
    noise = np.random.default_rng(0).normal(0, 1, image.shape[:2])[..., None]
    return source("night", image=np.rint((image + 30 * bool(grain) + grain * noise).clip(0, 255)).astype(np.uint8))


def placed(of: EditJob, background: Picture | None = None) -> Candidate:
    """Place the object as the renderer does, in the source's window or on a background."""
    found = Placer(max_upsampling=6).place(of.source, of.edit)
    image = compose(found.reference, found.reference if background is None else background, found.alpha)
    return Candidate(image, found.alpha, found.reference, window=found.reference if background is None else None)


@pytest.mark.parametrize("lamp", [255, 3, 9])
@pytest.mark.parametrize("grain", [0.0, 14.0])
def test_a_dark_flat_or_grainy_source_is_no_fault_of_its_edits(lamp: int, grain: float) -> None:
    dark = night(lamp=lamp, grain=grain)
    ground = np.where((disc() > 0)[..., None], dark.image[::-1, ::-1], dark.image)
    for of, background in (
        (job("full", dark), None),
        (job("original", dark), None),
        (job("size", dark, level=0.1), ground),
    ):
        candidate = placed(of, background)
        assert SanityGuard(SanityRule()).check(of, candidate, image_of(candidate)).reasons == ()
        noise = np.random.default_rng(1).integers(0, 256, image_of(candidate).shape, dtype=np.uint8)
        assert SanityGuard(SanityRule()).check(of, candidate, noise).reasons == (Reason.SANITY,)
        for broken in (0, 127, 255):
            flat = np.full_like(image_of(candidate), broken)
            assert SanityGuard(SanityRule()).check(of, candidate, flat).reasons == (Reason.SANITY,)


def test_sand_lent_by_a_partner_is_no_noise() -> None:
    # Beside a smooth sky the sand's neighbours are alike; the part of it that is lent has the sand alone.
    rng = np.random.default_rng(2)
    beach = rng.integers(60, 200, (HEIGHT, WIDTH, 1), dtype=np.uint8).repeat(3, axis=2)
    sand = cv2.GaussianBlur(beach, (0, 0), 0.5)
    lent = sand.copy()
    lent[:24] = 240
    assert neighbour_correlation(sand, np.ones((HEIGHT, WIDTH), bool)) < 0.3
    assert neighbour_correlation(lent, disc() == 0) > 0.4
    of = replace(job("random-background"), partner=source("beach", image=lent))
    candidate = placed(of, sand)
    assert SanityGuard(SanityRule()).check(of, candidate, image_of(candidate)).reasons == ()
    noise = np.where((disc() > 0)[..., None], image_of(candidate), rng.integers(0, 256, sand.shape, dtype=np.uint8))
    assert SanityGuard(SanityRule(most_black=1)).check(of, candidate, noise).reasons == (Reason.SANITY,)


def test_full_is_compared_with_the_window_that_it_shows() -> None:
    # Nearly black around the object, bright beyond: the crop is blacker than the whole source.
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    image[8:54, 14:66] = 2
    image[disc() > 0] = (40, 60, 90)
    of = job("full", source("night", image=image))
    candidate = placed(of)
    crop = image_of(candidate)
    assert (crop.max(axis=-1) <= 3).mean() > (image.max(axis=-1) <= 3).mean() + 0.05
    verdict = SanityGuard(SanityRule()).check(of, candidate, crop)
    assert (verdict.reasons, verdict.scores["black_share"]) == ((), 0)
    crop[:10, :30] = 200
    crop[20:40, 30:70] = 0
    assert SanityGuard(SanityRule()).check(of, candidate, crop).scores["black_share"] > 0.02


def test_a_black_object_may_grow() -> None:
    image = CLEAN.source.image.copy()
    image[disc() > 0] = 0
    of = job("size", source("crow", image=image), level=0.3)
    candidate = placed(of, photo(5))
    assert (image_of(candidate).max(axis=-1) <= 3).mean() > (image.max(axis=-1) <= 3).mean() + 0.1
    assert SanityGuard(SanityRule()).check(of, candidate, image_of(candidate)).reasons == ()


@pytest.mark.parametrize("level", [0, 3, 128, 255])
def test_constant_picture_is_rejected(level: int) -> None:
    verdict = SanityGuard(SanityRule()).check(CLEAN, clean(), np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    assert verdict.reasons == (Reason.SANITY,)
    assert verdict.scores["contrast"] == 0


def test_noise_for_a_background_is_rejected_and_faint_grain_is_not() -> None:
    alpha, rng = clean().alpha, np.random.default_rng(0)
    assert alpha is not None
    noise = noisy_background(image_of(clean()), alpha, rng)
    verdict = SanityGuard(SanityRule(most_black=1)).check(CLEAN, clean(), noise)
    assert verdict.reasons == (Reason.SANITY,)
    assert abs(verdict.scores["correlation"]) < 0.1
    grain = np.where((alpha == 0)[..., None], rng.integers(120, 136, noise.shape, dtype=np.uint8), noise)
    assert SanityGuard(SanityRule()).check(CLEAN, clean(), grain).scores["correlation"] == 1


@given(st.integers(0, 1000), st.floats(2, 6))
def test_smooth_noise_correlates(seed: int, deviation: float) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), deviation), None, 0, 255, cv2.NORM_MINMAX)
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    assert neighbour_correlation(noise, everywhere) < 0.2 < 0.8 < neighbour_correlation(smooth, everywhere)


def test_every_guard_is_asked_after_a_rejection() -> None:
    guards = [ObjectPixelsGuard(ObjectPixelsRule()), AreaGuard(AreaRule()), SanityGuard(SanityRule())]
    verdict = check_all(guards, job("size", level=0.1), with_area(0.5), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert verdict.reasons == (AttributeReason.OBJECT_PIXELS_CHANGED, AttributeReason.GEOMETRY_OFF, Reason.SANITY)
    assert set(verdict.scores) == {name for guard in guards for name in guard.score_names}


@pytest.mark.parametrize(
    ("name", "reasons"),
    [("background", (GuardReason.EDIT_ABSENT,)), ("random-background", (GuardReason.EDIT_ABSENT,)), ("size", ())],
)
def test_a_replaced_background_that_is_the_sources_own_is_rejected(name: str, reasons: tuple[Reason, ...]) -> None:
    of = job(name, source(), prompt="grass")
    verdict = BackgroundChangedGuard(BackgroundChangedRule()).check(of, clean(of), of.source.image)
    assert verdict.reasons == reasons
    assert ("background_change" in verdict.scores) == (name != "size")


def test_a_replaced_background_is_accepted() -> None:
    of = job("background", source(), prompt="grass")
    candidate = clean(of)
    assert candidate.alpha is not None
    other = np.where((candidate.alpha == 255)[..., None], of.source.image, 255 - of.source.image)
    assert BackgroundChangedGuard(BackgroundChangedRule()).check(of, candidate, other).reasons == ()
