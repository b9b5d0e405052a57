from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from editmill.packs.tabletop.training.views import composite_view, crop_around, empty_view, random_view, resize
from editmill.packs.tabletop.world import make_scene
from editmill.packs.tabletop.world.render import draw_object
from editmill.packs.tabletop.world.scene import SceneObject, object_box
from editmill.packs.tabletop.world.vocabulary import SIZES
from tests.generators.pictures import photo


def _drawing(item: SceneObject) -> dict[str, Any]:
    values = {name: getattr(item, name) for name in ("name", "colour", "finish", "centre", "radius", "angle")}
    return {**values, "tint": np.zeros(3, np.float32)}


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


def test_composite_puts_the_main_object_on_the_other_ground() -> None:
    names = set()
    for index in range(40):
        scene, other = make_scene("train", index), make_scene("train", index + 100)
        pasted = composite_view(scene, other, np.random.default_rng(index))
        item = pasted.objects[0]
        assert (item.name, item.colour, item.finish) == (
            scene.objects[0].name,
            scene.objects[0].colour,
            scene.objects[0].finish,
        )
        assert SIZES[item.size][0] <= item.radius <= SIZES[item.size][1]
        assert item.size in pasted.caption.split() or not item.size
        assert (pasted.ground, len(pasted.objects), len(pasted.alphas)) == (other.ground, 1, 1)
        assert pasted.boxes == (object_box(pasted.alphas[0]),)
        # No shadow: what the object leaves free is the other scene's ground, byte for byte.
        assert np.array_equal(pasted.image[pasted.alphas[0] == 0], other.clean[pasted.alphas[0] == 0])
        names.add(item.size)
    assert names == set(SIZES)


def test_composite_keeps_shape_and_colours() -> None:
    """Scaled back, the covered area is that of the source, and so is its mean colour."""
    for index in range(20):
        scene, other = make_scene("train", index), make_scene("train", index + 50)
        pasted = composite_view(scene, other, np.random.default_rng(index), turn=0.3)
        scale = pasted.objects[0].radius / scene.objects[0].radius
        # A ramp of two pixels takes more of thin objects.
        assert pasted.alphas[0].sum() / scale**2 == pytest.approx(scene.alphas[0].sum(), rel=0.45)
        inner, before = pasted.alphas[0] == 1, scene.alphas[0] == 1
        if inner.sum() > 30:
            assert pasted.image[inner].mean(axis=0) == pytest.approx(scene.image[before].mean(axis=0), abs=14)
        left, top, right, bottom = pasted.boxes[0]
        assert 0 <= left < right <= 128
        assert 0 <= top < bottom <= 128


def test_composite_turns_as_the_world_does() -> None:
    """The turned cut-out covers what the world draws for the angle that the composite notes."""
    scene = next(
        s
        for s in (make_scene("train", i) for i in range(200))
        if s.objects[0].name == "bottle" and s.objects[0].size == "large"
    )
    item = replace(scene.objects[0], centre=(0.5, 0.5))
    drawn = draw_object(128, **_drawing(item))[1]
    source = replace(scene, alphas=(drawn,), objects=(item,))
    for seed in range(8):
        pasted = composite_view(source, scene, np.random.default_rng(seed), turn=1.0)
        wanted = draw_object(128, **_drawing(pasted.objects[0]))[1]
        both, either = np.minimum(pasted.alphas[0], wanted).sum(), np.maximum(pasted.alphas[0], wanted).sum()
        assert both / either > 0.75


def test_composites_have_hard_and_soft_edges() -> None:
    scene, other = make_scene("train", 3), make_scene("train", 4)
    soft = [
        ((a > 0) & (a < 1)).sum()
        for a in (composite_view(scene, other, np.random.default_rng(seed)).alphas[0] for seed in range(20))
    ]
    assert min(soft) == 0
    assert max(soft) > 30


def test_empty_view_is_the_clean_ground() -> None:
    scene = make_scene("train", 5)
    empty = empty_view(scene)
    assert np.array_equal(empty.image, scene.clean)
    assert (empty.objects, empty.alphas, empty.boxes, empty.ground) == ((), (), (), scene.ground)
