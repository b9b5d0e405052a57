from __future__ import annotations

import numpy as np
import pytest

from packs.tabletop.training.views import crop_around, random_view, resize
from packs.tabletop.world import make_scene
from tests.generators.pictures import photo


@pytest.mark.parametrize("side", [16, 64, 100])
def test_resize_gives_the_side_and_keeps_the_mean(side: int) -> None:
    image = photo(1, width=64, height=64)
    resized = resize(image, side)
    assert resized.shape == (side, side, 3)
    assert np.abs(resized.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 3


def test_crop_is_square_and_centred_on_the_box() -> None:
    image = photo(1)
    crop = crop_around(image, (30, 20, 50, 30), margin=0.3)
    assert np.array_equal(crop, image[9:41, 24:56])


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (80, 50, 96, 64), (0, 0, 96, 64)])
def test_crop_at_the_border_stays_square(box: tuple[int, int, int, int]) -> None:
    crop = crop_around(photo(1), box, margin=0.5)
    assert crop.shape[0] == crop.shape[1] == 2 * max(box[2] - box[0], box[3] - box[1])


def test_views_show_the_object_they_name() -> None:
    seen = set()
    for index in range(30):
        scene = make_scene("train", index, size=64)
        view, chosen = random_view(scene, np.random.default_rng(index), 32, whole=0.3)
        assert view.shape == (32, 32, 3)
        assert chosen in range(-1, len(scene.objects))
        seen.add(chosen)
        again, _ = random_view(scene, np.random.default_rng(index), 32, whole=0.3)
        assert np.array_equal(view, again)
    assert seen == {-1, 0, 1}
