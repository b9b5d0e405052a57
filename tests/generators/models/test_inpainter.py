from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.models.inpainter import Inpainter, InpaintRequest, crop_window, native_size
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Mask
from editmill.pipelines.packs import find_pack
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, photo
from tests.inpaint_families import Guided


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


@given(st.integers(100, 900), st.integers(100, 900), st.integers(0, 99), st.integers(0, 99), st.integers(1, 200))
def test_crop_holds_the_hole_and_half_its_box_on_each_side(
    width: int, height: int, left: int, top: int, length: int
) -> None:
    hole = box(left, top, left + length, top + length, width=width, height=height) > 0
    longer = max(min(left + length, width) - left, min(top + length, height) - top)
    for window, start, whole in zip(crop_window(hole, side=64), (top, left), (height, width), strict=True):
        end = min(start + length, whole)
        assert window.stop - window.start == min(whole, max(64, round(longer * 2)))
        assert window.start <= max(0, start - (longer - 1) // 2)
        assert window.stop >= min(whole, end + (longer - 1) // 2)
        assert 0 <= window.start < window.stop <= whole


@pytest.mark.parametrize("hole", [np.ones((300, 400), bool), box(100, 80, 300, 260, width=400, height=300) == 0])
def test_what_is_all_around_is_filled_in_the_whole_frame(hole: Mask) -> None:
    assert crop_window(hole, side=64) == (slice(0, 300), slice(0, 400))


def test_a_small_hole_in_a_large_frame_keeps_its_texture() -> None:
    """At the least strength a fill is about what the autoencoder makes of the picture: stripes of 12 pixels stay there,
    and are lost where the whole frame is shrunk to the native size.
    """
    inpainter = Inpainter(Models(find_pack("tabletop"), Placement(device="cpu")), steps=16, guidance=1.0)
    rows, columns = np.mgrid[:480, :640]
    stripes = 128 + 60 * np.sin(2 * np.pi * (columns + rows / 2) / 12)
    ground = np.repeat(stripes.astype(np.uint8)[..., None], 3, axis=2)
    hole = disc(30, centre=(300, 200), width=640, height=480) > 0
    crop, frame = (
        inpainter.fill(InpaintRequest(ground, hole, "a brick wall", 1, 1 / 16, shift))
        for shift in (None, Guided(lambda width, height: lambda clean, noise: clean * 0))
    )
    contrasts = [float(picture[hole].std()) for picture in (ground, crop, frame)]
    assert contrasts[1] > 0.6 * contrasts[0]
    assert contrasts[2] < 0.2 * contrasts[0]
    outside = np.ones_like(hole)
    outside[crop_window(hole, side=inpainter.side)] = False
    assert np.array_equal(crop[outside], ground[outside])


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
