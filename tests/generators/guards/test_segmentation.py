"""Re-segmentation: the measures on masks, and the guard with the embedded segmenter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.guards.fixtures import grown_object, shifted
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.guards.segmentation import SegmentationGuard, agreement, band_width, outline_band, spans_frame
from editmill.generators.guards.segmentation_rule import SegmentationRule
from editmill.generators.models.loading import Models
from editmill.generators.models.segmenter import Segmenter
from tests.generators.guards.conftest import Toy
from tests.generators.pictures import HEIGHT, WIDTH, box, disc


@given(st.integers(6, 20), st.integers(-1, 1))
def test_one_pixel_at_the_outline_is_nothing(radius: int, pixels: int) -> None:
    found = agreement(box(40 - radius - pixels, 10, 40 + radius, 50) > 0, box(40 - radius, 10, 40 + radius, 50) > 0)
    assert (found.iou, found.expansion) == (1, 0)


@given(st.integers(4, 12), st.integers(3, 6))
def test_growth_and_shifts_count(radius: int, pixels: int) -> None:
    intended = disc(radius) > 0
    grown, moved = (
        agreement(disc(radius + pixels) > 0, intended),
        agreement(disc(radius, centre=(40 + pixels, 30)) > 0, intended),
    )
    assert grown.expansion > moved.expansion > 0.03
    assert grown.iou < 0.95
    assert moved.iou < 0.95


def test_the_frames_border_is_no_outline() -> None:
    assert not outline_band(np.ones((5, 5), bool)).any()
    band = outline_band(box(0, 0, 10, HEIGHT) > 0)
    assert np.flatnonzero(band.any(axis=0)).tolist() == [9, 10]


def test_what_spans_the_frame() -> None:
    assert spans_frame(box(0, 20, WIDTH, 30) > 0)
    assert spans_frame(box(20, 2, 30, HEIGHT - 2) > 0)
    assert not spans_frame(box(0, 3, WIDTH - 3, HEIGHT) > 0)


@pytest.fixture(scope="module")
def guard(tabletop: Models) -> SegmentationGuard:
    return SegmentationGuard(Segmenter(tabletop), rule=SegmentationRule())


def test_source_and_clean_composite_are_accepted_with_every_score(
    guard: SegmentationGuard, toys: tuple[Toy, ...]
) -> None:
    for toy in toys:
        for image in (toy.composite().image, toy.source.image):
            assert image is not None
            verdict = guard.check(toy.job("paste-back"), toy.composite(), image)
            assert verdict.reasons == ()
            assert verdict.scores["segment_judged"] == 1
            assert set(verdict.scores) == set(guard.score_names)


def test_a_grown_object_is_rejected(guard: SegmentationGuard, toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        image = grown_object(toy.composite().image, toy.alpha, 3)
        assert GuardReason.OBJECT_EXPANDED in guard.check(toy.job("paste-back"), toy.composite(), image).reasons


def test_a_shifted_and_a_missing_object_are_rejected(guard: SegmentationGuard, toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        away = replace(toy.composite(), alpha=shifted(toy.alpha, 5, 0))
        assert away.image is not None
        assert GuardReason.MASK_IOU in guard.check(toy.job("paste-back"), away, away.image).reasons
        assert GuardReason.MASK_IOU in guard.check(toy.job("paste-back"), toy.composite(), toy.ground).reasons


def test_a_segmenter_that_fails_on_the_source_has_no_say(tabletop: Models, toys: tuple[Toy, ...]) -> None:
    guard, toy = SegmentationGuard(Segmenter(tabletop), rule=SegmentationRule()), toys[0]
    hidden = replace(toy, source=replace(toy.source, image=toy.ground))
    verdict = guard.check(hidden.job("paste-back"), toy.composite(), toy.ground)
    assert verdict.scores["segment_judged"] == 0
    assert verdict.reasons == ()


def test_nothing_is_said_about_a_picture_that_nothing_was_laid_on(
    guard: SegmentationGuard, toys: tuple[Toy, ...]
) -> None:
    untouched = replace(toys[0].composite(), image=toys[0].source.image)
    assert guard.check(toys[0].job("original"), untouched, toys[0].source.image).scores == {"segment_judged": 0.0}


def test_the_band_is_half_a_pixel_of_the_segmenters_masks(guard: SegmentationGuard) -> None:
    assert [band_width(guard.segmenter, (side, 100, 3)) for side in (64, 128, 256, 512)] == [1, 1, 2, 4]


def test_nothing_is_said_about_an_object_that_spans_the_frame(guard: SegmentationGuard, toys: tuple[Toy, ...]) -> None:
    wide = np.zeros((128, 128), np.uint8)
    wide[40:80] = 255
    verdict = guard.check(toys[0].job("full"), replace(toys[0].composite(), alpha=wide), toys[0].ground)
    assert (verdict.scores, verdict.reasons) == ({"segment_judged": 0.0}, ())
