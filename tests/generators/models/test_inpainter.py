from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.models.inpainter import Inpainter, InpaintRequest, native_size
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models, Placement
from editmill.pipelines.packs import find_pack
from tests.generators.pictures import HEIGHT, WIDTH, disc, photo


@pytest.fixture(scope="module")
def inpainter(models: Models) -> Inpainter:
    return Inpainter(models, steps=2, guidance=2.0)


def request(*, prompt: str = "green grass", seed: int = 1, image_seed: int = 0) -> InpaintRequest:
    return InpaintRequest(photo(image_seed), disc() > 0, prompt, seed)


def test_whole_frame_is_generated_and_repeatable(inpainter: Inpainter) -> None:
    first = inpainter.fill(request())
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert first.std() > 2
    inpainter.fill(request(seed=9, image_seed=4))
    assert np.array_equal(inpainter.fill(request()), first)


def test_seed_prompt_and_surroundings_matter(inpainter: Inpainter) -> None:
    first = inpainter.fill(request())
    assert not np.array_equal(inpainter.fill(request(seed=2)), first)
    assert not np.array_equal(inpainter.fill(request(prompt="a brick wall")), first)
    assert not np.array_equal(inpainter.fill(request(image_seed=4)), first)


def test_hidden_pixels_do_not_matter(inpainter: Inpainter) -> None:
    # Strength 1 starts from pure noise, and the model sees nothing below the hole: no trace of the object can come
    # through.
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[16:48, 24:72] = True
    inner = np.zeros_like(hole)
    inner[22:42, 30:66] = True
    black, white = (np.where(inner[..., None], np.uint8(level), photo(0)) for level in (0, 255))
    pictures = [inpainter.fill(InpaintRequest(image, hole, "", 1)) for image in (black, white)]
    assert np.array_equal(pictures[0], pictures[1])


@given(st.integers(16, 4000), st.integers(16, 4000))
def test_native_size_keeps_aspect_and_area(width: int, height: int) -> None:
    native = native_size(width, height, side=512, multiple=8)
    assert all(length % 8 == 0 and length >= 8 for length in native)
    ideal = np.array([width, height]) * 512 / np.sqrt(width * height)
    assert np.abs(np.array(native) - np.maximum(ideal, 8)).max() <= 4 + 1e-6


def test_size_comes_from_the_checkpoint(inpainter: Inpainter) -> None:
    assert (inpainter.side, inpainter.multiple) == (32, 8)


@pytest.mark.parametrize(("guidance", "cost"), [(0.0, 2), (1.0, 2), (1.5, 4)])
def test_cost_counts_guided_steps_twice(models: Models, guidance: float, cost: int) -> None:
    assert Inpainter(models, steps=2, guidance=guidance).cost() == cost


def test_cost_is_the_number_of_evaluations(models: Models) -> None:
    inpainter = Inpainter(models, steps=3, guidance=2.0)
    batches: list[int] = []
    handle = inpainter.pipeline.unet.register_forward_pre_hook(lambda module, inputs: batches.append(len(inputs[0])))
    inpainter.fill(request())
    handle.remove()
    assert sum(batches) == inpainter.cost()


def test_public_checkpoints_work_end_to_end(models_dir: Path) -> None:
    models = Models(find_pack("sd15"), Placement(device="cpu", models_dir=models_dir))
    inpainter = Inpainter(models, steps=1, guidance=models.pack.guidance)
    filled = inpainter.fill(request(prompt=models.pack.backgrounds[0]))
    assert filled.shape == (HEIGHT, WIDTH, 3)
    assert ZeroShotJudge(models).probabilities(
        [filled], ("a photo of a dog", "a photo of a cat")
    ).sum() == pytest.approx(1)
