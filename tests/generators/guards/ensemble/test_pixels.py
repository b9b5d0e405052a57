"""Plain scores, hashes, views and duplicates on small pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from editmill.generators.base.reasons import Reason
from editmill.generators.guards.ensemble.duplicates import DuplicateIndex, Fingerprint, fingerprint
from editmill.generators.guards.ensemble.phash import hamming, perceptual_hash
from editmill.generators.guards.ensemble.pixels import clipped_share, pixel_scores
from editmill.generators.guards.ensemble.rule import decide
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.ensemble.views import compressed, cropped, flipped
from editmill.generators.guards.reasons import GuardReason
from editmill.packs.tabletop.world import make_scene

SCENE = make_scene("heldout", 2)
IMAGE = SCENE.image
MASK = np.where(SCENE.alphas[0] > 0.5, 255, 0).astype(np.uint8)
OTHER = make_scene("heldout", 4).image
SETTINGS = EnsembleSettings()


def shown(image: np.ndarray, **changed: object) -> Shown:
    return replace(Shown(image, "ball", mask=MASK, source=IMAGE), **changed)  # type: ignore[arg-type]


def verdict(one: Shown) -> set[Reason]:
    """What pixels alone say."""
    return set(decide(pixel_scores(one), "ball", SETTINGS)) - {Reason.SOURCE_INELIGIBLE}


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, IMAGE.shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (shown(np.full_like(IMAGE, 127)), Reason.SANITY),
        (shown(noise()), Reason.SANITY),
        (shown(np.where(IMAGE > 127, 255, 0).astype(np.uint8)), Reason.SANITY),
        (shown(OTHER, finite=False), Reason.SANITY),
        (shown(OTHER, size=(64, 64)), Reason.SANITY),
        (shown(OTHER, unsafe=True), GuardReason.NSFW),
        (shown(IMAGE), GuardReason.NO_OP),
        (shown(np.where(np.arange(128)[:, None, None] < 32, 0, IMAGE).astype(np.uint8)), Reason.SANITY),
    ],
    ids=["constant", "noise", "clipped", "not finite", "size", "unsafe", "no edit", "holed"],
)
def test_known_faults_are_rejected(bad: Shown, reason: Reason) -> None:
    assert reason in verdict(bad)


@pytest.mark.parametrize(
    "good", [shown(OTHER), shown(IMAGE, edited=False), shown(OTHER, size=(128, 128)), Shown(IMAGE, "ball")]
)
def test_good_pictures_pass(good: Shown) -> None:
    assert verdict(good) == set()


def test_the_change_outside_of_the_mask_is_measured_there() -> None:
    inside = np.where((cv2.erode(MASK, np.ones((3, 3), np.uint8)) > 0)[..., None], OTHER, IMAGE)
    assert pixel_scores(shown(inside))["background_change"] == 0
    assert pixel_scores(shown(OTHER))["background_change"] > 5
    assert "background_change" not in pixel_scores(Shown(OTHER, "ball", mask=MASK))


def test_clipped_share() -> None:
    image = np.full((4, 4, 3), 100, np.uint8)
    image[0], image[1, :, 0] = 255, 255
    assert clipped_share(image) == 0.25


def test_scores_of_edits_need_a_source_of_the_same_frame() -> None:
    assert pixel_scores(shown(OTHER))["change"] == pytest.approx(np.abs(OTHER.astype(float) - IMAGE).mean())
    for one in (Shown(OTHER, "ball"), shown(OTHER[:64], mask=MASK[:64]), shown(OTHER, edited=False)):
        assert not {"change", "source_hamming"} & pixel_scores(one).keys()


def test_hashes_outlive_compression_and_scaling_and_tell_pictures_apart() -> None:
    own = perceptual_hash(IMAGE)
    assert 0 <= own < 2**64
    assert hamming(own, own) == 0
    assert hamming(own, perceptual_hash(compressed(IMAGE))) <= 4
    assert hamming(own, perceptual_hash(cv2.resize(IMAGE, (96, 96), interpolation=cv2.INTER_AREA))) <= 4
    assert hamming(own, perceptual_hash(OTHER)) > 4
    assert hamming(0b1011, 0b0001) == 2


def test_views() -> None:
    assert np.array_equal(flipped(flipped(IMAGE)), IMAGE)
    assert cropped(IMAGE).shape == (115, 115, 3)
    assert 0 < np.abs(compressed(IMAGE).astype(int) - IMAGE).mean() < 10


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def test_duplicates_agree_in_hash_and_feature() -> None:
    index = DuplicateIndex(SETTINGS)
    first = fingerprint(IMAGE, unit(1, 0))
    assert index.scores(first) == {}
    assert index.reasons({}) == ()
    index.add(first)
    index.add(fingerprint(OTHER, unit(0, 1)))
    assert len(index) == 2
    again = index.scores(fingerprint(compressed(IMAGE), unit(1, 0.01)))
    assert again["duplicate_hamming"] <= 4
    assert index.reasons(again) == (GuardReason.DUPLICATE,)
    # A smooth picture of something else may share the hash.
    other = index.scores(Fingerprint(first.hash, unit(1, 1)))
    assert (other["duplicate_hamming"], index.reasons(other)) == (0.0, ())
    far = index.scores(Fingerprint(first.hash ^ 0b111111, unit(1, 0)))
    assert (far["duplicate_hamming"], index.reasons(far)) == (6.0, ())
