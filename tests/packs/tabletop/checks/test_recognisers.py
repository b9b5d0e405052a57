"""The shipped recognisers on a few held-out scenes; the bounds of the checks are for hundreds."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.packs import tabletop
from editmill.packs.tabletop.checks.classifier import accuracy
from editmill.packs.tabletop.checks.common import crop_of, held_out
from editmill.packs.tabletop.checks.image_encoder import identity_figures, moved
from editmill.packs.tabletop.checks.zero_shot import named_rightly, says_none
from editmill.packs.tabletop.world import Scene

PACK = read_pack(tabletop.PACK)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return list(islice(held_out(), 32))


def models_with(role: str) -> Models:
    """The embedded pack; skips the test where the role was not trained yet."""
    if role not in PACK.roles:
        pytest.skip(f"the pack has no {role!r} yet; train it: python -m editmill.packs.tabletop.train {role}")
    return Models(PACK, Placement(device="cpu"))


@pytest.mark.parametrize("role", ["zero_shot_2", "evaluation_encoder"])
def test_image_text_models_name_classes_and_see_nothing_on_bare_grounds(role: str, scenes: list[Scene]) -> None:
    judge = ZeroShotJudge(models_with(role), role=role)
    assert np.mean(named_rightly(judge, [crop_of(scene) for scene in scenes], scenes)) >= 0.85
    assert np.mean([says_none(judge, scene.clean) for scene in scenes[:20]]) >= 0.8
    assert np.mean([says_none(judge, crop_of(scene)) for scene in scenes[:20]]) <= 0.1


@pytest.mark.parametrize(("role", "low", "high"), [("classifier_vit", 0.88, 1.0), ("classifier_weak", 0.45, 0.93)])
def test_classifiers_are_as_good_as_they_should_be(role: str, low: float, high: float, scenes: list[Scene]) -> None:
    assert low <= accuracy(models_with(role), role, scenes) <= high


def test_image_encoder_knows_objects_again(scenes: list[Scene]) -> None:
    encoder = ImageEncoder(models_with("image_encoder"))
    others = [
        moved(scene, other, number)
        for number, (scene, other) in enumerate(zip(scenes, scenes[1:] + scenes[:1], strict=True))
    ]
    labels = [(scene.objects[0].name, scene.objects[0].colour) for scene in scenes]
    figures = identity_figures(
        encoder.identities([crop_of(s) for s in scenes]), encoder.identities([crop_of(s) for s in others]), labels
    )
    assert figures["auc"] >= 0.98
    assert figures["above"] >= 0.98
