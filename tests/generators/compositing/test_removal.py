from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from scipy import ndimage

from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.hole import MARGIN, HoleRule
from editmill.generators.compositing.patchmatch import PatchMatch
from editmill.generators.compositing.removal import Remover, blend_fill
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, photo, source

FEATHER = 4.0


class CountingInpainter(Inpainter):
    """The real inpainter, with a list of the requests it has met."""

    def __init__(self, models: Models, *, steps: int = 1, guidance: float = 2.0) -> None:
        super().__init__(models, steps=steps, guidance=guidance)
        self.requests: list[InpaintRequest] = []

    def fill(self, request: InpaintRequest) -> Picture:
        self.requests.append(request)
        return super().fill(request)


def remover(
    models: Models,
    cache: Path | None,
    *,
    prompt: str = "green grass",
    model_digest: str = "weights",
    steps: int = 1,
    guidance: float = 2.0,
    dilation: float = 0.14,
    feather: float = FEATHER,
    margin: int = MARGIN,
    closing: float = 0.0,
    shadows: bool = False,
) -> Remover:
    inpainter = CountingInpainter(models, steps=steps, guidance=guidance)
    return Remover(
        inpainter,
        prompt=prompt,
        model_digest=model_digest,
        cache=cache,
        rule=HoleRule(dilation, margin, closing, shadows),
        feather=feather,
    )


def calls(one: Remover) -> int:
    assert isinstance(one.filler, CountingInpainter)
    return len(one.filler.requests)


@settings(max_examples=25)
@given(st.integers(0, 99), st.floats(1.0, 6.0), st.integers(4, 20))
def test_pixels_far_from_the_hole_keep_their_bytes(seed: int, feather: float, radius: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    hole = disc(radius) > 0
    blended = blend_fill(image, photo(seed), hole, feather)
    far = ndimage.distance_transform_edt(~hole) >= feather
    assert far.any()
    assert np.array_equal(blended[far], image[far])
    assert blended.dtype == np.uint8


def test_nothing_of_the_object_stays_in_the_hole() -> None:
    hole = disc(14) > 0
    surroundings = photo(1)
    grey, red = (
        np.where(hole[..., None], np.array(colour, np.uint8), surroundings) for colour in ((90, 90, 90), (250, 10, 10))
    )
    assert np.array_equal(blend_fill(grey, photo(2), hole, FEATHER), blend_fill(red, photo(2), hole, FEATHER))


def test_colour_cast_of_the_fill_is_taken_out() -> None:
    image = photo(3)
    cast = (image * 0.6 + np.array([60, 20, 0])).astype(np.uint8)
    plain = np.full_like(image, 100)
    shifted = plain + np.array([40, 10, 0], np.uint8)
    assert np.abs(blend_fill(plain, shifted, disc() > 0, FEATHER).astype(int) - plain).max() <= 1
    hole = disc() > 0
    difference = [
        np.abs(picture[hole].astype(float) - image[hole]).mean()
        for picture in (blend_fill(image, cast, hole, FEATHER), cast)
    ]
    assert difference[0] < difference[1]


def test_seam_has_no_step() -> None:
    image, fill = np.full((HEIGHT, WIDTH, 3), 60, np.uint8), np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    image[:, : WIDTH // 2] = 80
    blended = blend_fill(image, fill, box(30, 20, 66, 44) > 0, FEATHER).astype(int)
    assert np.abs(np.diff(blended[:, 40], axis=0)).max() <= 20 / FEATHER + 1


def test_hole_that_covers_the_frame_gives_the_fill() -> None:
    # There is no ring to match colours with, and no distance to it.
    image, fill = photo(1), photo(2)
    assert np.array_equal(blend_fill(image, fill, np.ones((HEIGHT, WIDTH), bool), FEATHER), fill)


def test_background_keeps_everything_far_from_the_object(models: Models) -> None:
    loaded = source()
    background = remover(models, None).background(loaded, 5)
    distance = ndimage.distance_transform_edt(~HoleRule(0.14).hole(loaded.image, loaded.mask))
    assert np.array_equal(background[distance >= FEATHER], loaded.image[distance >= FEATHER])
    assert (background[loaded.mask > 0] != loaded.image[loaded.mask > 0]).mean() > 0.9


def test_cache_hit_gives_equal_bytes_without_the_model(models: Models, tmp_path: Path) -> None:
    first, second, uncached = remover(models, tmp_path / "c"), remover(models, tmp_path / "c"), remover(models, None)
    backgrounds = [one.background(source(), 5) for one in (first, second, uncached)]
    assert [calls(one) for one in (first, second, uncached)] == [1, 0, 1]
    assert np.array_equal(backgrounds[0], backgrounds[1])
    assert np.array_equal(backgrounds[0], backgrounds[2])
    assert [path.name for path in (tmp_path / "c").iterdir()] == [
        f"{source().record.sha256}-{first.key(source(), 5)}.png"
    ]


def test_a_kept_background_that_is_damaged_is_rendered_anew(models: Models, tmp_path: Path) -> None:
    first = remover(models, tmp_path)
    whole = first.background(source(), 5)
    (path,) = tmp_path.iterdir()
    # Pillow raises ValueError for this one.
    bomb = PngInfo()
    bomb.add_text("a", "x" * 2_000_000, zip=True)
    with Image.open(path) as image:
        image.save(tmp_path / "bomb.png", pnginfo=bomb)
    for data in (b"", path.read_bytes()[:400], (tmp_path / "bomb.png").read_bytes()):
        path.write_bytes(data)
        again = remover(models, tmp_path)
        assert np.array_equal(again.background(source(), 5), whole)
        assert calls(again) == 1


def test_one_source_is_rendered_once_per_remover(models: Models) -> None:
    one = remover(models, None)
    assert np.array_equal(one.background(source(), 5), one.background(source(), 5))
    assert calls(one) == 1
    one.background(source("b"), 5)
    assert calls(one) == 2


def test_memory_of_removals_is_bounded(models: Models) -> None:
    one = remover(models, None)
    sources = [source(str(number)) for number in range(10)]
    kept = [one.background(loaded, 5) for loaded in sources]
    assert calls(one) == 10
    assert np.array_equal(one.background(sources[0], 5), kept[0])
    assert calls(one) == 11
    one.background(sources[9], 5)
    assert calls(one) == 11


CHANGES: dict[str, dict[str, object]] = {
    "prompt": {"prompt": "a brick wall"},
    "weights": {"model_digest": "other"},
    "steps": {"steps": 2},
    "guidance": {"guidance": 3.0},
    "dilation": {"dilation": 0.2},
    "margin": {"margin": 0},
    "closing": {"closing": 0.1},
    "shadows": {"shadows": True},
    "feather": {"feather": 5.0},
}


@pytest.mark.parametrize("change", CHANGES)
def test_key_changes_with_each_setting(models: Models, change: str) -> None:
    assert remover(models, None, **CHANGES[change]).key(source(), 5) != remover(models, None).key(source(), 5)  # type: ignore[arg-type]


def test_key_changes_with_source_and_seed_only(models: Models) -> None:
    one, loaded = remover(models, None), source()
    others = [
        LoadedSource(loaded.record.model_copy(update={"sha256": "0" * 64}), loaded.image, loaded.mask),
        LoadedSource(loaded.record, loaded.image, np.roll(loaded.mask, 1)),
    ]
    larger = LoadedSource(loaded.record, cv2.resize(loaded.image, (120, 80)), cv2.resize(loaded.mask, (120, 80)))
    keys = [one.key(loaded, 5), one.key(loaded, 6), *(one.key(other, 5) for other in (*others, larger))]
    assert len(set(keys)) == len(keys)
    renamed = LoadedSource(loaded.record.model_copy(update={"id": "z", "label": 4}), loaded.image, loaded.mask)
    assert one.key(renamed, 5) == keys[0] == remover(models, Path("elsewhere")).key(source(), 5)


def test_colours_of_a_models_fill_are_matched_and_patches_stay_as_they_are(models: Models) -> None:
    one = source("a")
    by_model = remover(models, None)
    patches = Remover(PatchMatch(), prompt="", model_digest="", cache=None, rule=HoleRule(0.1), feather=FEATHER)
    hole = by_model.hole(one)
    fill = by_model.filler.fill(InpaintRequest(one.image, hole, "green grass", 3))
    assert np.array_equal(by_model.background(one, 3), blend_fill(one.image, fill, hole, FEATHER))
    patched = patches.filler.fill(InpaintRequest(one.image, patches.hole(one), "", 3))
    assert np.array_equal(patches.background(one, 3), patched)
