from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.packs.tabletop.checks import image_encoder as check
from editmill.packs.tabletop.checks.image_encoder import identity_figures, measure, moved, separation
from editmill.packs.tabletop.world import make_scene

SCENES = [scene for scene in (make_scene("heldout", index, size=64) for index in range(20)) if len(scene.objects) == 1][
    :8
]
MODELS = Models(PackSpec(name="none", description="", roles={}, backgrounds=("grass",)), Placement(device="cpu"))


def test_separation_counts_ties_half() -> None:
    assert separation(np.array([0.9, 0.5]), np.array([0.1, 0.5])) == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert separation(np.array([0.0]), np.array([1.0, 2.0])) == 0


def test_identity_compares_objects_of_other_class_and_colour_only() -> None:
    """The second object is taken for the third, which shares its class: only ``top1`` minds."""
    first = np.eye(4)[:3]
    second = np.stack([first[0], 0.5 * first[1] + 0.1 * first[0], first[2] + first[1]])
    figures = identity_figures(first, second, [("cube", "red"), ("ball", "pink"), ("ball", "green")])
    assert figures["above"] == 1.0
    assert figures["auc"] == 1.0
    assert figures["top1"] == pytest.approx(2 / 3)
    assert figures["cosine_same"] == pytest.approx(2.5 / 3)
    assert figures["cosine_different"] == pytest.approx(0.1 / 4)


def test_moved_objects_stand_on_the_other_ground() -> None:
    scene = moved(SCENES[0], SCENES[1], 0)
    assert (scene.ground, scene.objects[0].name) == (SCENES[1].ground, SCENES[0].objects[0].name)
    assert np.array_equal(scene.image, moved(SCENES[0], SCENES[1], 0).image)


def _middle(image: np.ndarray) -> np.ndarray:
    third = len(image) // 3
    return image[third:-third, third:-third]


class MiddleEncoder:
    """Its features are the mean colours of the middle and of the whole picture."""

    def __init__(self, models: Models) -> None:
        pass

    def contents(self, images: list[np.ndarray]) -> np.ndarray:
        found = [[*_middle(image).mean(axis=(0, 1)), image.std()] for image in images]
        return np.array(found)

    def identities(self, images: list[np.ndarray]) -> np.ndarray:
        found = self.contents(images)[:, :3] - 128
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_measure_tells_crops_from_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ImageEncoder", MiddleEncoder)
    figures = measure(MODELS, SCENES)
    assert {name.removeprefix("image_encoder_") for name in figures} == {
        "identity_auc",
        "identity_above",
        "identity_top1",
        "identity_cosine_same",
        "identity_cosine_different",
        "whole_auc",
        "whole_above",
        "frechet_equal",
        "frechet_blurred",
        "frechet_emptied",
    }
    # The middle of a crop is the object; the middle of a frame is mostly ground, which differs between the two
    # pictures.
    assert figures["image_encoder_identity_auc"] > 0.75
    assert figures["image_encoder_whole_auc"] < figures["image_encoder_identity_auc"]
    assert (
        figures["image_encoder_frechet_blurred"]
        != figures["image_encoder_frechet_equal"]
        != figures["image_encoder_frechet_emptied"]
    )
    assert len({scene.objects[0].colour for scene in SCENES}) > 2
