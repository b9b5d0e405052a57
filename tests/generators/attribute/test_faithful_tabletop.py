"""Faithful edits with the embedded pack's own models, on scenes that they weren't trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from editmill.generators.attribute.complexity import background_spectrum, measure_mid_band
from editmill.generators.attribute.faithful import BlendedDiffusion
from editmill.generators.attribute.settings import FaithfulSettings
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.packs.tabletop.world import make_scene
from editmill.pipelines.packs import find_pack

# About a quarter of the default's steps, from about the same first timestep.
SETTINGS = FaithfulSettings(respacing=25, executed=7)
SCENES = (0, 1)


@pytest.fixture(scope="module")
def diffusion() -> BlendedDiffusion:
    return BlendedDiffusion(Models(find_pack("tabletop"), Placement(device="cpu")), SETTINGS)


@pytest.fixture(scope="module")
def edits(diffusion: BlendedDiffusion) -> list[dict[str, Feature]]:
    """For each scene its object, uint8 [S, S], and its edits."""
    made = []
    for number in SCENES:
        scene = make_scene("heldout", number)
        keep = scene.alphas[0] > 0.5
        target = diffusion.surrogate.index(-1, scene.objects[0].name)
        assert target is not None
        cases: dict[str, tuple[float, int | None]] = {
            "plain": (0, None),
            "busier": (20, None),
            "simpler": (-20, None),
            "adversarial": (0, target),
        }
        images = {
            name: diffusion.edit(scene.clean, scene.image, keep, weight=weight, seed=number, target=aim).image
            for name, (weight, aim) in cases.items()
        }
        made.append({"alpha": keep.astype(np.uint8) * 255, "scene": scene.image, "target": np.array(target), **images})
    return made


def spectrum(image: Picture, alpha: Mask) -> float:
    picture = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    return float(background_spectrum(picture, torch.from_numpy(alpha == 0).float()[None, None]))


def test_lambda_orders_backgrounds_by_how_busy_they_are(edits: list[dict[str, Feature]]) -> None:
    for case in edits:
        for measure in (spectrum, measure_mid_band):
            simpler, plain, busier = (measure(case[name], case["alpha"]) for name in ("simpler", "plain", "busier"))
            assert simpler < plain < busier


def test_adversary_lowers_the_classifiers_log_probability(
    diffusion: BlendedDiffusion, edits: list[dict[str, Feature]]
) -> None:
    def log_probability(image: Picture, target: int) -> float:
        return float(
            diffusion.surrogate.log_probability(torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1, target)
        )

    changes = [
        log_probability(case["adversarial"], int(case["target"])) - log_probability(case["plain"], int(case["target"]))
        for case in edits
    ]
    assert np.mean(changes) < -0.1


def test_objects_keep_their_bytes(edits: list[dict[str, Feature]]) -> None:
    for case in edits:
        kept = case["alpha"] == 255
        for name in ("plain", "busier", "simpler", "adversarial"):
            assert (case[name][kept] == case["scene"][kept]).all()
