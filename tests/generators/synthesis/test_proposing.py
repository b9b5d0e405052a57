"""Candidates by tiny checkpoints of the published classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.synthesis.proposing import Proposal, Proposer, variation_input
from editmill.generators.synthesis.settings import SynthesisSettings, roles_of
from tests.synthesis_models import write_synthesis_pack

REFERENCE = np.random.default_rng(0).integers(0, 255, (40, 48, 3), dtype=np.uint8)
SETTINGS = SynthesisSettings(kind="synthesis", steps=2)


def models_of(root: Path, *, variation: bool = False, checker: bool = False) -> Models:
    return Models(read_pack(write_synthesis_pack(root, variation=variation, checker=checker)), Placement(device="cpu"))


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return models_of(tmp_path_factory.mktemp("adapted"))


def proposal(conditioning: str, seed: int = 1, *, reference: np.ndarray = REFERENCE, strength: float = 1.0) -> Proposal:
    prompt = "" if conditioning == "image" else "a ball"
    return Proposal(conditioning, prompt, seed, strength, 2.0, None if conditioning == "text" else reference)


@pytest.mark.parametrize("conditioning", ["text", "image", "image-text"])
def test_each_conditioning_follows_its_seed(adapted: Models, conditioning: str) -> None:
    proposer = Proposer(SETTINGS, adapted)
    first, second = (proposer.propose([proposal(conditioning, seed)])[0] for seed in (1, 2))
    assert first.image.shape == (32, 32, 3)
    assert proposer.size(conditioning) == (32, 32)
    assert (first.cost, first.finite, first.unsafe) == (4, True, False)
    assert not np.array_equal(first.image, second.image)
    assert np.array_equal(first.image, proposer.propose([proposal(conditioning, 1)])[0].image)
    assert proposer.describe(conditioning)["adapter_scale"] == (1.0 if conditioning == "image" else 0.0)


def test_a_variation_shows_its_reference_and_text_does_not(adapted: Models) -> None:
    proposer = Proposer(SETTINGS, adapted)
    other = 255 - REFERENCE
    assert not np.array_equal(
        proposer.propose([proposal("image")])[0].image, proposer.propose([proposal("image", reference=other)])[0].image
    )
    assert np.array_equal(proposer.propose([proposal("text")])[0].image, proposer.propose([proposal("text")])[0].image)


def test_lower_strength_runs_fewer_steps(adapted: Models) -> None:
    assert Proposer(SETTINGS, adapted).propose([proposal("image-text", strength=0.5)])[0].cost == 2


def test_a_batch_gives_each_candidate_its_own_noise_and_reference(adapted: Models) -> None:
    batched = Proposer(SETTINGS.model_copy(update={"batch": 2}), adapted)
    for conditioning in ("text", "image", "image-text"):
        asked = [proposal(conditioning, 1), proposal(conditioning, 2, reference=255 - REFERENCE)]
        alone = [Proposer(SETTINGS, adapted).propose([one])[0] for one in asked]
        for one, other in zip(batched.propose(asked), alone, strict=True):
            assert np.abs(one.image.astype(int) - other.image).max() <= 2


def test_a_model_of_variations_and_a_safety_checker_are_used_where_the_pack_has_them(tmp_path: Path) -> None:
    models = models_of(tmp_path, variation=True, checker=True)
    assert roles_of("image", tuple(models.pack.roles)) == ("image_variation",)
    proposer = Proposer(SETTINGS.model_copy(update={"batch": 2}), models)
    looks: list[int] = []
    hook = models.get("safety_checker").vision_model.register_forward_pre_hook(
        lambda _, given: looks.append(len(given[0]))
    )
    made = proposer.propose([proposal("image", seed) for seed in (1, 2)])
    hook.remove()
    assert looks == [2]
    assert all(one.unsafe for one in made)
    assert all(one.image.any() for one in made), "the checker judges and blanks nothing"
    assert proposer.describe("image")["pipeline"] == "StableDiffusionImageVariationPipeline"


def test_the_input_of_variations_has_the_range_of_clip() -> None:
    pixels = variation_input(np.full((50, 60, 3), 255, np.uint8))
    assert pixels.shape == (1, 3, 224, 224)
    assert float(pixels[0, 0].mean()) == pytest.approx((1 - 0.48145466) / 0.26862954, abs=1e-4)
