"""Thresholds of finished datasets, by the scores that they are put on."""

from __future__ import annotations

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.text.settings import TextGuardSettings
from editmill.manifests.records import Manifest
from editmill.pipelines.limits import limits_of
from tests.manifests.builder import make_manifest, make_sources


def manifest(generator: str, guard: dict[str, object], scores: tuple[str, ...]) -> Manifest:
    facts = {"generator": generator, "recipe": {"guard": guard}, "score_names": scores}
    return make_manifest(make_sources(1), []).model_copy(update=facts)


def test_limits_are_those_of_the_recipe_and_relative_ones_are_left_out() -> None:
    found = limits_of(manifest("attribute", GuardSettings(halo=5.0).model_dump(), ("halo", "mask_iou")), None)
    assert found == [
        ("mask_iou", 0.9, "mask_iou", "segment_judged"),
        ("mask_iou", 0.8, "small_mask_iou", "segment_judged"),
        ("halo", 5.0, "halo", ""),
    ]


def test_settings_named_like_a_score_are_its_threshold() -> None:
    guard = TextGuardSettings().model_dump()
    assert limits_of(manifest("text", guard, ("entailment", "pll_after")), None) == [
        ("entailment", guard["entailment"], "entailment", "")
    ]


def test_nothing_is_known_of_a_family_that_is_not_installed() -> None:
    assert limits_of(manifest("blocks", {"brightness": 0.5}, ("brightness",)), None) == [
        ("brightness", 0.5, "brightness", "")
    ]
